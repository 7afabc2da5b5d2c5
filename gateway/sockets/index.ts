export * from './choose.ts';
export * from './connection-name.ts';
export * from './endpoint.ts';
export * from './port-table.ts';
export * from './socket-list.ts';
