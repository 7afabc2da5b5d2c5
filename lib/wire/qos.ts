/**
 * QoS on the wire (edge specification 6.1). Fields and units are those of `QosSpec`; only their order and places differ
 * from message to message, so a layout spreads `qosFields` in its own order and these functions convert.
 */
import { MAX_U32, type QosSpec, qosBestEffort, qosVideo, qosVoice } from '#lib/core/index.ts';
import { type Field, u8, u32, u64 } from './layout/index.ts';

export const qosFields = {
  loss: u32('request: 0 = nothing may be lost'),
  bandwidth: u64('request: bit/s; all ones = as much as there is'),
  ber: u32('request: 0 = packets carry a CRC32 trailer'),
  maxGap: u32('request: longest interruption, ms'),
  delay: u32('request: ms; all ones = any'),
  timeout: u32('request: peer time-out, ms; 0 = never'),
  inOrder: u8('request: not 0 = packets carry an FRCP header'),
  availability: u8('request: number of nines'),
} as const;

/** What the fields of a message that carries QoS decode to. */
export type WireQos = { [K in keyof typeof qosFields]: FieldValue<(typeof qosFields)[K]> };
type FieldValue<F> = F extends Field<infer _, infer V> ? V : never;

const allOnes = 0xffff_ffff_ffff_ffffn;

/** Numbers above 2^53 - 1 bit/s, `MAX_SAFE_INTEGER`, mean as much as there is. */
export function qosFromWire(wire: WireQos): QosSpec {
  const { delay, bandwidth, availability, loss, ber, inOrder, maxGap, timeout } = wire;
  const safe = BigInt(Number.MAX_SAFE_INTEGER);
  return {
    delay,
    bandwidth: Number(bandwidth < safe ? bandwidth : safe),
    availability,
    loss,
    ber,
    inOrder,
    maxGap,
    timeout,
  };
}

/** Whatever a caller of the API asked for fits: fractions are rounded down, what is too large is the most there is. */
export function qosToWire(qos: QosSpec): WireQos {
  return {
    delay: limited(qos.delay, MAX_U32),
    bandwidth:
      qos.bandwidth >= Number.MAX_SAFE_INTEGER
        ? allOnes
        : BigInt(limited(qos.bandwidth, Number.MAX_SAFE_INTEGER)),
    availability: limited(qos.availability, 0xff),
    loss: limited(qos.loss, MAX_U32),
    ber: limited(qos.ber, MAX_U32),
    inOrder: limited(qos.inOrder, 0xff),
    maxGap: limited(qos.maxGap, MAX_U32),
    timeout: limited(qos.timeout, MAX_U32),
  };
}

function limited(value: number, max: number): number {
  return value > 0 ? Math.floor(Math.min(value, max)) : 0;
}

/** QoS classes of layers that schedule: 0 best effort, 1 video, 2 voice (6.2). */
export const QosCube = { best: 0, video: 1, voice: 2 } as const;
export type QosCube = (typeof QosCube)[keyof typeof QosCube];

export function cubeOfQos(qos: QosSpec): QosCube {
  const { delay, bandwidth, availability, maxGap } = qos;
  const voice = qosVoice;
  const video = qosVideo;
  if (
    delay <= voice.delay &&
    bandwidth <= voice.bandwidth &&
    availability >= voice.availability &&
    maxGap <= voice.maxGap
  )
    return QosCube.voice;
  if (delay <= video.delay && availability >= video.availability && maxGap <= video.maxGap)
    return QosCube.video;
  return QosCube.best;
}

/** What a message that carries only a cube asks for; unknown cubes are best effort. */
export function qosOfCube(cube: number): Readonly<QosSpec> {
  if (cube === QosCube.voice) return qosVoice;
  return cube === QosCube.video ? qosVideo : qosBestEffort;
}
