/** Words of both eras that several commands share, and what they mean today (semantics 3.4, 8.2). */
import type { Component } from '#lib/irm/index.ts';
import { flag, pid, text } from '../grammar/params.ts';

/**
 * IPCP types in matching order: `e` is eth-dix and `udp` is udp4, as in the prototype; `normal` is 2018's word
 * for unicast, and raptor was 2018's.
 */
export const ipcpTypes = {
  unicast: 'unicast',
  broadcast: 'broadcast',
  local: 'local',
  udp4: 'udp4',
  udp6: 'udp6',
  'eth-dix': 'eth-dix',
  'eth-llc': 'eth-llc',
  raptor: 'raptor',
  normal: 'unicast',
  udp: 'udp4',
} as const;
export type IpcpType = (typeof ipcpTypes)[keyof typeof ipcpTypes];

export const enrollTypes = {
  unicast: 'unicast',
  broadcast: 'broadcast',
  normal: 'unicast',
} as const;

export const components = { dt: 'dt', mgmt: 'mgmt', '*': '*' } as const satisfies Record<
  string,
  Component | '*'
>;

export const ipcpName = text('NAME', 'name of the IPC process', { refers: 'ipcp' });
export const newIpcpName = text('NAME', 'name of the IPC process');
export const isolate = flag('run the IPC process in a process of its own');
export const serviceName = text('NAME', 'name that flows are allocated to', { refers: 'name' });
export const boundName = text('NAME', 'name to unbind (default: all of them)', { refers: 'name' });
export const processId = pid('a running process');
