export { type GatewayConfig, POOL4, POOL6 } from './config.ts';
export { prepareGatewayFolder } from './folder.ts';
export { Gateway, type GatewayDeps } from './gateway.ts';
export { GuardKeeper } from './guard-keeper.ts';
export { IrmdFlows } from './irmd-flows.ts';
