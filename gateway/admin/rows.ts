/** What `ouro-ps` shows: every redirected socket of every program, as plain values. */
import { formatIp } from '../addr/ip.ts';
import type { AttachedSocket } from '../datagrams/attached-socket.ts';
import type { ProcessTable } from '../processes/process-table.ts';
import type { SlotCounters } from '../sockets/shared-table.ts';
import type { Endpoint } from '../sockets/endpoint.ts';
import type { PortTable } from '../sockets/port-table.ts';
import type { Connection, Connections } from '../streams/connections.ts';

export interface SocketRow {
  pid: number;
  program: string;
  run: number;
  proto: 'tcp' | 'udp';
  state: 'listen' | 'bound' | 'connecting' | 'connected' | 'accepted';
  /** `name` is what the address means, when it is a name of Ouroboros. */
  local: { address: string; port: number };
  peer?: { address: string; port: number; name?: string };
  names?: string[];
  via: 'direct' | 'gateway' | '';
  flow?: number;
  /** Bytes, or datagrams' payload bytes, that the gateway or the shim counted; the kernel counts no direct ones. */
  sent?: number;
  received?: number;
  dropped?: number;
  ino?: number;
}

export interface RowsDeps {
  readonly procs: ProcessTable;
  readonly ports: PortTable;
  readonly connections: Connections;
  readonly datagrams: { sockets(): Iterable<AttachedSocket> };
  readonly counters: (ino: number) => SlotCounters | undefined;
}

export function socketRows(deps: RowsDeps): SocketRow[] {
  const rows: SocketRow[] = [];
  const attached = new Map<number, AttachedSocket>();
  for (const socket of deps.datagrams.sockets()) attached.set(socket.ino, socket);
  const connected = new Set<number>();
  for (const c of deps.connections.values()) {
    connected.add(c.ino);
    rows.push(...streamRows(deps, c));
  }
  for (const e of deps.ports.endpoints()) {
    if (e.protocol === 'udp') rows.push(datagramRow(deps, e, attached.get(e.ino)));
    else if (!connected.has(e.ino)) rows.push(endpointRow(deps, e));
  }
  return rows.sort((a, b) => a.pid - b.pid || a.local.port - b.local.port);
}

/** A direct connection shows both its ends; one through the gateway has a connection for each. */
function streamRows(deps: RowsDeps, c: Connection): SocketRow[] {
  const via = c.state === 'relay' ? 'gateway' : c.state === 'direct' ? 'direct' : '';
  const one: SocketRow = {
    ...who(deps, c.pid, c.run),
    proto: 'tcp',
    state: c.state === 'connecting' ? 'connecting' : c.role === 'accept' ? 'accepted' : 'connected',
    local: place(c.local, c.localPort),
    peer: { ...place(c.peer, c.peerPort), name: c.name },
    via,
    ...(c.flow === undefined ? {} : { flow: c.flow }),
    ...(c.bytes === undefined ? {} : c.bytes()),
    ...(c.ino === 0 ? {} : { ino: c.ino }),
  };
  if (c.role === 'accept')
    return [{ ...one, local: place(c.peer, c.peerPort), peer: place(c.local, c.localPort) }];
  const listener = c.state === 'direct' ? deps.ports.get(c.listener ?? 0) : undefined;
  if (listener === undefined) return [one];
  const other: SocketRow = {
    ...who(deps, listener.pid, listener.run),
    proto: 'tcp',
    state: 'accepted',
    local: place(c.peer, c.peerPort),
    peer: place(c.local, c.localPort),
    via,
    ...(c.handed[1] === undefined ? {} : { flow: c.handed[1].id }),
  };
  return [one, other];
}

function endpointRow(deps: RowsDeps, e: Endpoint): SocketRow {
  const names = [...(deps.procs.get(e.pid)?.names ?? [])];
  return {
    ...who(deps, e.pid, e.run),
    proto: e.protocol,
    state: e.listening ? 'listen' : 'bound',
    local: place(e.ip, e.port),
    ...(names.length > 0 ? { names } : {}),
    via: '',
    ino: e.ino,
  };
}

function datagramRow(deps: RowsDeps, e: Endpoint, socket: AttachedSocket | undefined): SocketRow {
  const counters = deps.counters(e.ino);
  const dropped = (counters?.dropped ?? 0) + (socket?.dropped ?? 0);
  return {
    ...endpointRow(deps, e),
    state: e.peer === undefined ? 'bound' : 'connected',
    ...(e.peer === undefined ? {} : { peer: place(e.peer.ip, e.peer.port) }),
    via: 'gateway',
    ...(counters === undefined ? {} : { sent: counters.tx, received: counters.rx }),
    ...(dropped > 0 ? { dropped } : {}),
    ...flowOf(socket),
  };
}

/** A server's socket carries many flows; one is named when it is the only one. */
function flowOf(socket: AttachedSocket | undefined): { flow?: number } {
  const flows = new Set<number>();
  for (const route of socket?.routes.values() ?? [])
    if (route.flow !== undefined) flows.add(route.flow);
  const [only] = flows;
  return flows.size === 1 && only !== undefined ? { flow: only } : {};
}

function who(deps: RowsDeps, pid: number, run: number): { pid: number; program: string; run: number } {
  return { pid, program: deps.procs.get(pid)?.program ?? '-', run };
}

function place(ip: string, port: number): { address: string; port: number } {
  return { address: formatIp(ip), port };
}
