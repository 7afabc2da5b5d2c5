export {
  CanceledError,
  Errno,
  InternalError,
  MAX_U32,
  OuroError,
  PeerError,
  PolicyError,
  type QosSpec,
  qosBestEffort,
  qosByName,
  qosData,
  qosRaw,
  qosRawNoErrors,
  qosVideo,
  qosVoice,
  RemoteError,
  ResourceError,
  TimeoutError,
  UsageError,
} from '#lib/core/index.ts';
export { FlowEvent } from '#lib/layer/index.ts';
export * from './default.ts';
export * from './dev.ts';
export * from './fccntl.ts';
export { FlowCommand, FlowFlag, FrctFlag } from './flags.ts';
export { Flow, type FlowObserver, type ReadOptions } from './flow.ts';
export { FlowRequest } from './flow-request.ts';
export { FlowSet, flowEnd, type SetEvent } from './flow-set.ts';
export type { FlowLife } from './flow-state.ts';
export { HandedFlow } from './handed-flow.ts';
export { type HostDepsConfig, hostDeps, hostShortcuts } from './host-deps.ts';
export type { Announcement, LinkChannel } from './irmd-link.ts';
export type { PacketMaker, PacketVisitor } from './packet-source.ts';
