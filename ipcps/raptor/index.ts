export { raptorIpcp } from './raptor-ipcp.ts';
