export * from './cidr.ts';
export * from './host-addresses.ts';
export * from './inet-listeners.ts';
export * from './ip.ts';
export * from './pool.ts';
