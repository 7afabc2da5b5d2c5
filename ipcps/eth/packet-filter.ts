/**
 * Classic BPF programs that keep what is not ours from waking us: frames for other hosts' addresses, and for eth-llc all LLC traffic
 * (spanning tree, SNAP, NetBIOS …) whose SAPs or control byte are not those of our frames.
 */

/** Instructions of linux/filter.h. */
const op = {
  loadByte: 0x30,
  jumpEqual: 0x15,
  jumpAnyBit: 0x45,
  return: 0x06,
} as const;

/** Load offset at which the kernel gives the packet's type. */
const packetType = 0xffff_f000 + 4;
const toOtherHost = 3;
const dsap = 14;
const ssap = 15;
const control = 16;
const unnumbered = 3;
/** SAPs of 1 to 63 are sent mirrored: the two low bits are 0. */
const notOurSap = 3;
const everything = 0x4_0000;

interface Instruction {
  readonly code: number;
  readonly value: number;
  /** Jump straight to the refusal when the comparison is true, or false. */
  readonly refuseIf?: boolean;
}

const refuseOthers: readonly Instruction[] = [
  { code: op.loadByte, value: packetType },
  { code: op.jumpEqual, value: toOtherHost, refuseIf: true },
];

const refuseOtherLlc: readonly Instruction[] = [dsap, ssap]
  .flatMap((at): Instruction[] => [
    { code: op.loadByte, value: at },
    { code: op.jumpAnyBit, value: notOurSap, refuseIf: true },
    { code: op.jumpEqual, value: 0, refuseIf: true },
  ])
  .concat(
    { code: op.loadByte, value: control },
    { code: op.jumpEqual, value: unnumbered, refuseIf: false },
  );

/** 8 bytes an instruction: u16 code, u8 jump if true, u8 jump if false, u32 value; host order. */
function assemble(program: readonly Instruction[]): Uint8Array {
  const all = [...program, { code: op.return, value: everything }, { code: op.return, value: 0 }];
  const refusal = all.length - 1;
  const bytes = new Uint8Array(8 * all.length);
  for (const [i, { code, value, refuseIf }] of all.entries()) {
    const away = refusal - i - 1;
    new Uint16Array(bytes.buffer, 8 * i, 1)[0] = code;
    bytes[8 * i + 2] = refuseIf === true ? away : 0;
    bytes[8 * i + 3] = refuseIf === false ? away : 0;
    new Uint32Array(bytes.buffer, 8 * i + 4, 1)[0] = value;
  }
  return bytes;
}

export const dixFilter: Uint8Array = assemble(refuseOthers);
export const llcFilter: Uint8Array = assemble([...refuseOthers, ...refuseOtherLlc]);
