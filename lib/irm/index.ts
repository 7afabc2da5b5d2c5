export * from './client.ts';
export * from './open-irm.ts';
export * from './program-path.ts';
export * from './types.ts';
