export * from './message-socket.ts';
export * from './native.ts';
export * from './os-error.ts';
export * from './pid-watch.ts';
export * from './runtime-dir.ts';
export * from './shared-mapping.ts';
export * from './unix-listener.ts';
export * from './watch.ts';
