export { type GatewayConfig, POOL4, POOL6 } from './config.ts';
export { Gateway, type GatewayDeps, prepareGatewayFolder } from './gateway.ts';
export { Guard } from './guard.ts';
export { IrmdFlows } from './irmd-flows.ts';
