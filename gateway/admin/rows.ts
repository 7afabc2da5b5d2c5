/** What `ouro-ps` shows: every redirected socket of every program, as plain values. */
import { formatEndpoint } from '../addr/ip.ts';
import type { AttachedSocket } from '../datagrams/attached-socket.ts';
import type { ProcessTable } from '../processes/process-table.ts';
import type { Endpoint } from '../sockets/endpoint.ts';
import type { PortTable } from '../sockets/port-table.ts';
import type { SlotCounters } from '../sockets/shared-table.ts';
import type { Connection, Connections } from '../streams/connections.ts';
import type { HeldEnd, HeldEnds } from './held-sockets.ts';

/** States by their names in ss(8). */
export type RowState = 'LISTEN' | 'BOUND' | 'UNCONN' | 'SYN-SENT' | 'ESTAB';

export interface SocketRow {
  readonly pid: number;
  readonly program: string;
  readonly run: number;
  readonly proto: 'tcp' | 'udp';
  readonly state: RowState;
  /** `address:port`. */
  readonly local: string;
  readonly peer?: string;
  /** Name that was allocated to, or names that are accepted for. */
  readonly names?: readonly string[];
  readonly via?: 'direct' | 'gateway';
  /** Number of the flow at irmd; a datagram socket with several has none. */
  readonly flow?: number;
  /** Payload bytes that were counted: by the relay, or by the shim at the calls of the end that connected. */
  readonly sent?: number;
  readonly received?: number;
  /** Bytes that wait: not read by the program, not read by its peer. */
  readonly recvq?: number;
  readonly sendq?: number;
  readonly dropped?: number;
  readonly ino?: number;
}

export interface RowsDeps {
  readonly procs: ProcessTable;
  readonly ports: PortTable;
  readonly connections: Connections;
  readonly datagrams: { sockets(): Iterable<AttachedSocket> };
  readonly counters: (ino: number) => SlotCounters | undefined;
  readonly held: () => HeldEnds;
  /** Of a process that the gateway does not know: a child that uses its parent's sockets. */
  readonly programOf: (pid: number) => string | undefined;
}

export function socketRows(deps: RowsDeps): SocketRow[] {
  const rows: SocketRow[] = [];
  const attached = new Map<number, AttachedSocket>();
  for (const socket of deps.datagrams.sockets()) attached.set(socket.ino, socket);
  const connected = new Set<number>();
  const held = deps.connections.direct > 0 ? deps.held() : undefined;
  for (const c of deps.connections.values()) {
    connected.add(c.ino);
    rows.push(...streamRows(deps, c, held));
  }
  for (const e of deps.ports.endpoints()) {
    if (e.protocol === 'udp') rows.push(datagramRow(deps, e, attached.get(e.ino)));
    else if (!connected.has(e.ino)) rows.push(endpointRow(deps, e));
  }
  return rows.sort((a, b) => a.pid - b.pid || a.local.localeCompare(b.local));
}

/** A direct connection shows both its ends; one through the gateway has a connection for each. */
function streamRows(deps: RowsDeps, c: Connection, held: HeldEnds | undefined): SocketRow[] {
  const [near, far] = [formatEndpoint(c.local, c.localPort), formatEndpoint(c.peer, c.peerPort)];
  const mine = c.role === 'accept' ? { local: far, peer: near } : { local: near, peer: far };
  const connecting = held?.connecting.get(c.serial);
  const accepted = held?.accepted.get(c.serial);
  const counters = c.state === 'direct' ? deps.counters(c.ino) : undefined;
  const counted = counters && { sent: counters.tx, received: counters.rx };
  const one: SocketRow = {
    ...who(deps, connecting?.pid ?? c.pid, c.run),
    proto: 'tcp',
    state: c.state === 'connecting' ? 'SYN-SENT' : 'ESTAB',
    ...mine,
    names: [c.name],
    ...(c.state === 'connecting' ? {} : { via: c.state === 'relay' ? 'gateway' : 'direct' }),
    ...(c.flow === undefined ? {} : { flow: c.flow }),
    ...(c.bytes?.() ?? counted),
    ...queues(connecting),
    ...(c.ino === 0 ? {} : { ino: c.ino }),
  };
  const listener = c.state === 'direct' ? deps.ports.get(c.listener ?? 0) : undefined;
  if (listener === undefined) return [one];
  const flow = c.handed[1]?.id;
  const other: SocketRow = {
    ...who(deps, accepted?.pid ?? listener.pid, listener.run),
    proto: 'tcp',
    state: 'ESTAB',
    local: far,
    peer: near,
    names: [c.name],
    via: 'direct',
    ...(flow === undefined ? {} : { flow }),
    ...(counted && farEnd(counted, connecting, accepted)),
    ...queues(accepted),
  };
  return [one, other];
}

/** The accepting end's bytes follow from those of the connecting one: what was sent is received or waits. */
function farEnd(
  near: { sent: number; received: number },
  connecting: HeldEnd | undefined,
  accepted: HeldEnd | undefined,
): { sent: number; received: number } {
  return {
    sent: near.received + (connecting?.received ?? 0),
    received: Math.max(0, near.sent - (accepted?.received ?? 0)),
  };
}

function queues(end: HeldEnd | undefined): { recvq?: number; sendq?: number } {
  return end === undefined ? {} : { recvq: end.received, sendq: end.sent };
}

function endpointRow(deps: RowsDeps, e: Endpoint): SocketRow {
  const names = [...(deps.procs.get(e.pid)?.names ?? [])];
  return {
    ...who(deps, e.pid, e.run),
    proto: e.protocol,
    state: e.listening ? 'LISTEN' : 'BOUND',
    local: formatEndpoint(e.ip, e.port),
    ...(names.length > 0 ? { names } : {}),
    ino: e.ino,
  };
}

function datagramRow(deps: RowsDeps, e: Endpoint, socket: AttachedSocket | undefined): SocketRow {
  const counters = deps.counters(e.ino);
  const dropped = (counters?.dropped ?? 0) + (socket?.dropped ?? 0);
  return {
    ...endpointRow(deps, e),
    state: e.peer === undefined ? 'UNCONN' : 'ESTAB',
    ...(e.peer === undefined ? {} : { peer: formatEndpoint(e.peer.ip, e.peer.port) }),
    via: isDirect(socket) ? 'direct' : 'gateway',
    ...(counters === undefined ? {} : { sent: counters.tx, received: counters.rx }),
    ...(dropped > 0 ? { dropped } : {}),
    ...flowOf(socket),
  };
}

/** It sends to somebody without us, or somebody sends to it so. */
function isDirect(socket: AttachedSocket | undefined): boolean {
  for (const route of socket?.routes.values() ?? []) if (route.direct !== undefined) return true;
  for (const route of socket?.incoming ?? []) if (route.direct !== undefined) return true;
  return false;
}

/** A server's socket carries many flows; one is named when it is the only one. */
function flowOf(socket: AttachedSocket | undefined): { flow?: number } {
  const flows = new Set<number>();
  for (const route of socket?.routes.values() ?? [])
    if (route.flow !== undefined) flows.add(route.flow);
  const [only] = flows;
  return flows.size === 1 && only !== undefined ? { flow: only } : {};
}

function who(deps: RowsDeps, pid: number, run: number) {
  return { pid, program: deps.procs.get(pid)?.program ?? deps.programOf(pid) ?? '-', run };
}
