export type { ChildProcess, Host, ProcessInfo, Rings } from './host.ts';
export { createIrmd, Irmd, type IrmdConfig, type IrmdDeps } from './irmd.ts';
export { defaultLimits, type Limits } from './limits.ts';
export { type NodeHostConfig, nodeHost, nodeRings } from './node-host.ts';
