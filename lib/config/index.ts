export * from './engine.ts';
export * from './ipcp-stanzas.ts';
export * from './irmd-conf.ts';
export * from './log.ts';
export * from './ring-bytes.ts';
export * from './runtime-dir.ts';
