/**
 * QoS specification of a flow: shapes and units as the prototype's qos.h (semantics: 2.4).
 * In-memory only; the wire form belongs to lib/wire.
 */

export interface QosSpec {
  /** Maximum one-way delay, ms; `MAX_U32` means don't care. */
  delay: number;
  /** Required bandwidth, bit/s. */
  bandwidth: number;
  /** Availability, nines. */
  availability: number;
  /** 0: no packet may be lost (reliable). */
  loss: number;
  /** 0: no bit errors (checksum). */
  ber: number;
  /** 1: in order (FRCP). */
  inOrder: number;
  /** Longest acceptable interruption, ms. */
  maxGap: number;
  /** Peer time-out, ms; 0 switches keepalives off. */
  timeout: number;
}

export const MAX_U32 = 0xffffffff;
const base: QosSpec = {
  delay: MAX_U32,
  bandwidth: 0,
  availability: 0,
  loss: 1,
  ber: 1,
  inOrder: 0,
  maxGap: MAX_U32,
  timeout: 120_000,
};

export const qosRaw: Readonly<QosSpec> = base;
export const qosRawNoErrors: Readonly<QosSpec> = { ...base, ber: 0 };
export const qosBestEffort: Readonly<QosSpec> = { ...base, ber: 0, inOrder: 1 };
export const qosVideo: Readonly<QosSpec> = {
  ...base,
  delay: 100,
  bandwidth: Number.MAX_SAFE_INTEGER,
  availability: 3,
  ber: 0,
  inOrder: 1,
  maxGap: 100,
};
export const qosVoice: Readonly<QosSpec> = {
  ...base,
  delay: 50,
  bandwidth: 100_000,
  availability: 5,
  ber: 0,
  inOrder: 1,
  maxGap: 50,
};
export const qosData: Readonly<QosSpec> = {
  ...base,
  delay: 1000,
  loss: 0,
  ber: 0,
  inOrder: 1,
  maxGap: 2000,
};

export function sameQos(a: QosSpec, b: QosSpec): boolean {
  return (
    a.delay === b.delay &&
    a.bandwidth === b.bandwidth &&
    a.availability === b.availability &&
    a.loss === b.loss &&
    a.ber === b.ber &&
    a.inOrder === b.inOrder &&
    a.maxGap === b.maxGap &&
    a.timeout === b.timeout
  );
}

/** For a message in which an absent `qos` means raw, as most flows have it. */
export function unlessRaw(qos: QosSpec): { qos?: QosSpec } {
  return sameQos(qos, base) ? {} : { qos };
}

/** Names that the tools and the CLI accept. */
export const qosByName: Readonly<Record<string, Readonly<QosSpec>>> = {
  raw: qosRaw,
  best: qosBestEffort,
  video: qosVideo,
  voice: qosVoice,
  data: qosData,
};
