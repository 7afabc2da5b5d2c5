export * from './shortcut-flow.ts';
export type { ShortcutPort, ShortcutPortEvents } from './shortcut-port.ts';
export * from './socket-port.ts';
