export * from './flow.ts';
export * from './ipcp.ts';
export * from './name.ts';
export * from './process.ts';
export * from './program.ts';
export * from './registry.ts';
