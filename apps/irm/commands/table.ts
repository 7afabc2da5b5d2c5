/**
 * Every command of irm, by its words, in matching order. The prototype's words come first, so that its abbreviations
 * keep their meaning (semantics 3.2: i b u n h; c d b e co di l; p proc i; c d r u l), then 2018's, then ours.
 */
import { completion } from '../completion/command.ts';
import { group } from '../grammar/command.ts';
import { bindIpcp } from './bind-ipcp.ts';
import { bindProcess } from './bind-process.ts';
import { bindProgram } from './bind-program.ts';
import { flowList } from './flow-list.ts';
import { ipcpBootstrap } from './ipcp-bootstrap.ts';
import { ipcpConnect } from './ipcp-connect.ts';
import { ipcpCreate } from './ipcp-create.ts';
import { ipcpDestroy } from './ipcp-destroy.ts';
import { ipcpDisconnect } from './ipcp-disconnect.ts';
import { ipcpEnroll } from './ipcp-enroll.ts';
import { ipcpList } from './ipcp-list.ts';
import { ipcpStats } from './ipcp-stats.ts';
import { nameCreate } from './name-create.ts';
import { nameDestroy } from './name-destroy.ts';
import { nameList } from './name-list.ts';
import { nameRegister } from './name-register.ts';
import { nameUnregister } from './name-unregister.ts';
import { processList } from './process-list.ts';
import { programList } from './program-list.ts';
import { register } from './register.ts';
import { status } from './status.ts';
import { unbindIpcp } from './unbind-ipcp.ts';
import { unbindProcess } from './unbind-process.ts';
import { unbindProgram } from './unbind-program.ts';
import { unregister } from './unregister.ts';

export const root = group('Manage names, IPC processes and layers through irmd', {
  ipcp: group('IPC processes and their layers', {
    create: ipcpCreate,
    destroy: ipcpDestroy,
    bootstrap: ipcpBootstrap,
    enroll: ipcpEnroll,
    connect: ipcpConnect,
    disconnect: ipcpDisconnect,
    list: ipcpList,
    stats: ipcpStats,
  }),
  bind: group('Let programs, processes and IPC processes accept flows for a name', {
    program: bindProgram,
    process: bindProcess,
    ipcp: bindIpcp,
  }),
  unbind: group('Undo bind', {
    program: unbindProgram,
    process: unbindProcess,
    ipcp: unbindIpcp,
  }),
  name: group('Names and where they are registered', {
    create: nameCreate,
    destroy: nameDestroy,
    register: nameRegister,
    unregister: nameUnregister,
    list: nameList,
  }),
  register,
  unregister,
  flow: group('Flows of this host', { list: flowList }),
  process: group('Processes that irmd knows', { list: processList }),
  program: group('Programs that are bound to names', { list: programList }),
  status,
  completion,
});
