export * from './channel.ts';
export * from './peer.ts';
export * from './seqpacket.ts';
