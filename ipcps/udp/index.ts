export * from './udp-ipcp.ts';
export * from './udp-layer.ts';
