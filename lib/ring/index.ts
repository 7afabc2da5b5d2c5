export type { Carrier } from './carrier.ts';
export * from './create-ring.ts';
export {
  Access,
  defaultRingBytes,
  type End,
  largestMtu,
  maxRingBytes,
  minRingBytes,
  recordBytes,
} from './layout.ts';
export type { RingFlowConfig, RingFlowStats, RingVerbs } from './ring-end.ts';
export * from './ring-flow.ts';
export * from './ring-meter.ts';
export * from './ring-pair.ts';
export type { EndState } from './ring-state.ts';
export { RingSweep } from './ring-sweep.ts';
