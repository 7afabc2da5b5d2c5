export { localIpcp } from './local-ipcp.ts';
export { LocalLayer } from './local-layer.ts';
