/**
 * What a decoder says about bytes that came off a wire: `ok`, or the first thing that is wrong with them. A number, so that
 * refusing a packet costs no exception, no string and no allocation, however many come.
 *
 * Checks go in one order everywhere: length of the header, magic and addresses, lengths that the header declares, codes and
 * flags, then what follows.
 */
export const Verdict = {
  ok: 0,
  /** Ends before its header, its fixed part or its hash does. */
  short: 1,
  /** Longer than any receiver has to take. */
  big: 2,
  /** Ethertype, or 802.3 length where one belongs. */
  ethertype: 3,
  /** LLC control byte is not UI. */
  control: 4,
  /** Source is a group address or all zeros. */
  mac: 5,
  /** A length in the header does not fit the bytes that are there. */
  length: 6,
  /** Service access point outside 1..63. */
  sap: 7,
  /** Endpoint id 0 where a flow's is needed. */
  eid: 8,
  code: 9,
  /** Reserved flag, or a combination of flags that nothing sends. */
  flags: 10,
  /** Response above 0. */
  response: 11,
  /** Bytes where nothing may follow. */
  trailing: 12,
  /** Algorithm number that nobody assigned. */
  algorithm: 13,
  checksum: 14,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];
export type Rejected = Exclude<Verdict, 0>;

const names = Object.keys(Verdict);

/** Decoders of messages return the message or a `Rejected`. */
export function isRejected(result: unknown): result is Rejected {
  return typeof result === 'number';
}

/** For log lines and counters: `length`, `eid`. */
export function verdictName(verdict: Verdict): string {
  return names[verdict] ?? 'unknown';
}
