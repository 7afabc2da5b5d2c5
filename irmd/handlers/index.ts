export { onIpcpdEvent } from './ipcpd.ts';
export { allMethods } from './methods.ts';
export type { Services } from './services.ts';
