export * from './frames.ts';
export * from './hello.ts';
export * from './stream-state.ts';
