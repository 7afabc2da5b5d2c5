export * from './ipcp.ts';
export * from './ipcp-host.ts';
