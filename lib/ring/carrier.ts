import type { RingFlow } from './ring-flow.ts';

/** What a program's flow needs of the thing that carries its packets: a ring, or a ring and more. */
export type Carrier = Pick<
  RingFlow,
  | 'mtu'
  | 'ringBytes'
  | 'memory'
  | 'queued'
  | 'stats'
  | 'ended'
  | 'failure'
  | 'peerState'
  | 'write'
  | 'writeBatch'
  | 'fill'
  | 'reserve'
  | 'commit'
  | 'flush'
  | 'read'
  | 'drain'
  | 'onReadable'
  | 'onWritable'
  | 'onEvent'
  | 'setState'
  | 'ref'
  | 'unref'
  | 'giveUp'
  | 'dealloc'
>;
