export * from './cidr.ts';
export * from './host-addresses.ts';
export * from './ip.ts';
export * from './pool.ts';
