export * from './flow-end.ts';
export * from './hash.ts';
export * from './layer.ts';
export * from './member.ts';
export * from './memory-network.ts';
export * from './packet-queue.ts';
export * from './registrations.ts';
export * from './request.ts';
