/**
 * The header that flow and retransmission control puts before packets of flows with `inOrder` (edge specification 7.1). Fields whose flag
 * is clear say nothing: retransmissions write `ackno` without ACK.
 */
import { defineLayout, u8, u24, u32 } from './layout/index.ts';
import { Verdict } from './verdict.ts';

export const FrcpFlag = {
  data: 0x01,
  /** First packet of a run: nothing before it is outstanding. */
  run: 0x02,
  ack: 0x04,
  /** `window` says up to where the peer may send. */
  window: 0x08,
  /** Rendez-vous: asks for the window. */
  rendezvous: 0x10,
  /** Reserved for fragments; nobody sets these. */
  firstFragment: 0x20,
  moreFragments: 0x40,
} as const;

export const frcpPci = defineLayout(
  {
    title: 'FRCP header',
    section: '7.1',
    notes: `Before the packet; encrypted with it. Packets without DATA are these 12 bytes alone. Sequence numbers count packets, modulo 2^32.`,
  },
  {
    flags: u8(
      '0x01 DATA, 0x02 DRF (start of a run), 0x04 ACK, 0x08 FC, 0x10 RDVS, 0x20 first fragment, 0x40 more fragments (the last two unused)',
    ),
    window: u24("FC: low 24 bits of the receiver's right window edge"),
    seqno: u32('DATA: number of this packet'),
    ackno: u32('ACK: next number that the receiver has not consumed'),
  },
);

/** An empty packet is a keepalive and has no header: ask before. */
export function checkFrcp(bytes: Uint8Array, base: number, end: number): Verdict {
  if (end - base < frcpPci.bytes) return Verdict.short;
  const flags = frcpPci.at.flags.get(bytes, base);
  if (flags === 0 || flags > 0x7f) return Verdict.flags;
  if (!(flags & FrcpFlag.data) && end - base > frcpPci.bytes) return Verdict.trailing;
  return Verdict.ok;
}
