/**
 * A datagram socket of a program: the gateway's end of it, and its routes. A route leads from this socket to one
 * destination as the program addresses it.
 */
import type { Abort } from '#lib/core/index.ts';
import type { Watch } from '#lib/os/index.ts';
import type { Ip } from '../addr/ip.ts';
import type { PoolEntry } from '../addr/pool.ts';
import type { HandedFlow } from '../flows.ts';
import type { Proc } from '../processes/process-table.ts';
import type { Endpoint } from '../sockets/endpoint.ts';
import type { DatagramLink } from './datagram-link.ts';
import type { HeaderWords } from './header.ts';
import type { Outside } from './outside.ts';

/** Datagrams that wait while a flow is allocated: a burst at the start is not lost, as it is not on one host. */
export const MAX_QUEUED = 512;
export const MAX_QUEUED_BYTES = 128 * 1024;

export type RouteKind =
  /** The flow is being allocated; datagrams wait in `queue`. */
  | 'pending'
  /** To another socket here. */
  | 'local'
  /** Over a ring flow. */
  | 'remote'
  /** Into the real network. */
  | 'outside'
  /** To several. */
  | 'group'
  /** Refused until `until`. */
  | 'refused'
  /** A rule says so. */
  | 'blackhole'
  /** Given back: to be looked up again. */
  | 'gone';

export interface Route {
  readonly key: number | string;
  readonly from: AttachedSocket;
  /** Destination as the program addresses it. */
  readonly ip: Ip;
  readonly port: number;
  kind: RouteKind;
  /** local: where to, and the source that it sees. */
  to?: AttachedSocket;
  header?: HeaderWords;
  /** remote */
  link?: DatagramLink;
  /** group: looked up again after `until`. */
  members?: Route[];
  /** pending. BOUNDED by MAX_QUEUED and MAX_QUEUED_BYTES. */
  queue?: Uint8Array[];
  queuedBytes: number;
  /** refused, group: monotonic milliseconds. */
  until: number;
  errno: number;
  /** Flows to give back with the route. */
  handed: HandedFlow[];
  flow?: number | undefined;
  /** pending: gives the allocation up. */
  abort?: Abort;
  /** local: the way back, which shares the flow. */
  pair?: Route;
  /** Whose address `ip` is, when it was made for this route. */
  peer?: PoolEntry;
  /** Tick of the last datagram. */
  used: number;
  sent: number;
  /** local: the program sends there itself. Its bytes sent (all destinations) when they were last looked at. */
  direct?: number;
}

export interface AttachedSocket {
  readonly ino: number;
  /** The gateway's end. */
  readonly fd: number;
  /** The process that answers for it; a child succeeds it when it dies. */
  proc: Proc;
  readonly endpoint: Endpoint;
  watch: Watch | undefined;
  /** Its sockets in the real network, once it has sent there. */
  outside: Outside | undefined;
  /** The last route used: bursts go to one destination. */
  last: Route | undefined;
  /** BOUNDED by MAX_ROUTES of the router. */
  readonly routes: Map<number | string, Route>;
  /** Fan-out members by inode. BOUNDED by the sockets on one port. */
  readonly members: Map<number, Route>;
  /** Routes of others that lead here. BOUNDED by their routes. */
  readonly incoming: Set<Route>;
  readonly since: number;
  /** Payload bytes and datagrams through the gateway, and those its full queue did not take. */
  received: number;
  dropped: number;
  /** Its queue was full, and it has read nothing since. */
  stuck: boolean;
  /** Not read for a moment, so that a full receiver can catch up. */
  held: boolean;
  gone: boolean;
}
