/** The table of all methods: dispatcher, guard and documentation at once (docs/protocols/control.md). */
import type { Methods } from '#lib/rpc/index.ts';
import { bindMethods } from './bind.ts';
import { flowMethods } from './flow.ts';
import { ipcpMethods } from './ipcp.ts';
import { ipcpdMethods } from './ipcpd.ts';
import { nameMethods } from './name.ts';
import { processMethods } from './process.ts';
import type { Services } from './services.ts';
import { statusMethods } from './status.ts';

export function allMethods(services: Services): Methods {
  return {
    ...processMethods(services),
    ...flowMethods(services),
    ...bindMethods(services),
    ...nameMethods(services),
    ...ipcpMethods(services),
    ...statusMethods(services),
    ...ipcpdMethods(services),
  };
}
