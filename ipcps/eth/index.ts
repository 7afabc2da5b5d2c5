export { ethDixIpcp, ethLlcIpcp } from './eth-ipcp.ts';
export { EthLayer } from './eth-layer.ts';
