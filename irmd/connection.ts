/**
 * One control connection: a program (one for everything, or one per call), a tool, the gateway, or ipcpd.
 *
 * A process's own flows outlive its connections; they end when the process does. Flows that a connection holds for other
 * processes, or from inside irmd's own process, end with the connection.
 */
import type { Credentials, RpcPeer } from '#lib/rpc/index.ts';
import type { FlowEntry } from './registry/index.ts';

export type Flow = FlowEntry<Connection>;

export interface ConnectionConfig {
  /** Inside irmd's process: no socket, and no process whose end would tell. */
  embedded: boolean;
}

export class Connection {
  readonly peer: Pick<RpcPeer, 'call' | 'notify' | 'notifyLater' | 'close' | 'closed'>;
  readonly cred: Credentials;
  readonly embedded: boolean;
  /** Flows that end with this connection. BOUNDED by limits.flows. */
  readonly held = new Set<Flow>();

  constructor(
    peer: Pick<RpcPeer, 'call' | 'notify' | 'notifyLater' | 'close' | 'closed' | 'cred'>,
    config: ConnectionConfig,
  ) {
    this.peer = peer;
    this.cred = peer.cred;
    this.embedded = config.embedded;
  }

  /** Do flows of this process end with the connection? */
  holdsFor(pid: number): boolean {
    return this.embedded || pid !== this.cred.pid;
  }
}
