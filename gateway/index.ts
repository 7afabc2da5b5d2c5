export { type GatewayConfig, POOL4, POOL6 } from './config.ts';
export { prepareGatewayFolder } from './folder.ts';
export { Gateway, type GatewayDeps } from './gateway.ts';
export { Guard } from './guard.ts';
export { IrmdFlows } from './irmd-flows.ts';
