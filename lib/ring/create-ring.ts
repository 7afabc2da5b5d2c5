/** Makes the memory and the bells of a flow; who makes it hands each end out and keeps nothing. */
import { check, type NativeVerbs, os as real } from '#lib/os/index.ts';
import { defaultRingBytes, encodeHeader, largestMtu, mappingBytes } from './layout.ts';

export interface RingDescriptors {
  /** Both ends map it. */
  memfd: number;
  /** One per end. */
  bells: [number, number];
}

export interface RingConfig {
  /** Capacity of each direction, a power of two from 4 KiB to 64 MiB. */
  ringBytes?: number;
  /** Largest packet; default: the largest that the ring allows, at most 65,535. */
  mtu?: number;
}

export function createRing(
  config: RingConfig = {},
  os: Pick<NativeVerbs, 'memfdCreate' | 'socketpair' | 'close'> = real,
): RingDescriptors {
  const ringBytes = config.ringBytes ?? defaultRingBytes;
  const mtu = config.mtu ?? Math.min(65_535, largestMtu(ringBytes));
  const header = encodeHeader({ ringBytes, mtu });
  const memfd = check<number>(
    os.memfdCreate('ouro-flow', mappingBytes(ringBytes), header),
    'Making the memory of a flow',
  );
  const bells = os.socketpair('stream');
  if (typeof bells === 'number') os.close(memfd);
  return { memfd, bells: check<[number, number]>(bells, 'Making the bell of a flow') };
}
