export * from './in-process.ts';
export * from './ipcpd.ts';
export * from './types.ts';
