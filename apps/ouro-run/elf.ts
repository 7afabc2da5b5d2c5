/**
 * What has to be known of an executable before it is run under the shim: the dynamic loader must load it (LD_PRELOAD), and
 * it must be glibc's. Reads the headers alone; every offset is checked, as the file may be anything.
 */

/** Values of e_machine. */
const MACHINE: Readonly<Record<string, number>> = { x64: 62, arm64: 183 };
const MACHINE_NAME: Readonly<Record<number, string>> = {
  3: 'x86 (32 bit)',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC 64',
  22: 's390',
  40: 'ARM (32 bit)',
  62: 'x86-64',
  183: 'ARM 64',
  243: 'RISC-V',
};
const PT_INTERP = 3;
const ELF_HEADER = 64;
const PROGRAM_HEADER = 56;
const MAX_PROGRAM_HEADERS = 256;

/** Reads `length` bytes at `offset`; fewer at the end of the file. */
export type ReadAt = (offset: number, length: number) => Buffer;

export type Image =
  /** `loader`: path of the dynamic loader. */
  | { readonly kind: 'dynamic'; readonly loader: string }
  | { readonly kind: 'script'; readonly interpreter: string }
  /** Cannot run under the shim; `reason` ends the sentence "PROGRAM is …". */
  | { readonly kind: 'unsuitable'; readonly reason: string }
  /** Neither ELF nor script. */
  | { readonly kind: 'unknown' };

export function readImage(readAt: ReadAt, arch: string): Image {
  const head = readAt(0, 256);
  if (head.length >= 2 && head[0] === 0x23 && head[1] === 0x21) return script(head);
  if (head.length < 20 || head.readUInt32BE(0) !== 0x7f454c46) return { kind: 'unknown' };
  const machine = head[5] === 1 ? head.readUInt16LE(18) : head.readUInt16BE(18);
  if (head[4] !== 2 || head[5] !== 1 || machine !== MACHINE[arch]) {
    const name = MACHINE_NAME[machine] ?? `machine ${machine}`;
    return unsuitable(
      `built for ${name}, and the shim for ${MACHINE_NAME[MACHINE[arch] ?? 0] ?? arch}`,
    );
  }
  if (head.length < ELF_HEADER) return { kind: 'unknown' };
  return dynamic(readAt, head);
}

function script(head: Buffer): Image {
  const end = head.indexOf(10);
  const line = head.toString('latin1', 2, end < 0 ? head.length : end).trim();
  const interpreter = line.split(/[ \t]/)[0] ?? '';
  return interpreter === '' ? { kind: 'unknown' } : { kind: 'script', interpreter };
}

function dynamic(readAt: ReadAt, head: Buffer): Image {
  const offset = Number(head.readBigUInt64LE(32));
  const size = head.readUInt16LE(54);
  const count = head.readUInt16LE(56);
  if (
    size < PROGRAM_HEADER ||
    count === 0 ||
    count > MAX_PROGRAM_HEADERS ||
    !Number.isSafeInteger(offset)
  )
    return { kind: 'unknown' };
  const table = readAt(offset, size * count);
  for (let at = 0; at + PROGRAM_HEADER <= table.length; at += size) {
    if (table.readUInt32LE(at) !== PT_INTERP) continue;
    const where = Number(table.readBigUInt64LE(at + 8));
    const length = Number(table.readBigUInt64LE(at + 32));
    if (!Number.isSafeInteger(where) || length < 2 || length > 4096) return { kind: 'unknown' };
    const path = readAt(where, length);
    const end = path.indexOf(0);
    return byLoader(path.toString('utf8', 0, end < 0 ? path.length : end));
  }
  return unsuitable(
    'statically linked: it calls the kernel by itself, and no library can step in between',
  );
}

function byLoader(loader: string): Image {
  if (loader.includes('musl'))
    return unsuitable(`linked with musl (${loader}); the shim works with glibc programs`);
  if (!/\/ld-linux[^/]*\.so\.\d+$/.test(loader))
    return unsuitable(`loaded by ${loader}, which is not glibc's loader`);
  return { kind: 'dynamic', loader };
}

function unsuitable(reason: string): Image {
  return { kind: 'unsuitable', reason };
}
