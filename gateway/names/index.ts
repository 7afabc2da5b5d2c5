export * from './decide.ts';
export * from './local-address.ts';
export * from './resolver.ts';
export * from './targets.ts';
