/**
 * The streams whose bytes go through the gateway: their sockets arrive at `<gw>/s/relay`, their flows from irmd.
 *
 * Owns the relay listener, the pending sockets and the running relays. BOUNDED by `Connections`.
 */
import { constants } from 'node:os';
import { deferred, type Millis, PeerError } from '#lib/core/index.ts';
import { UnixListener } from '#lib/os/index.ts';
import { type Ip, isAny } from '../addr/ip.ts';
import type { PoolEntry } from '../addr/pool.ts';
import { type Core, listenerPath } from '../core.ts';
import type { IncomingRequest, PacketFlow } from '../flows.ts';
import { SocketState } from '../shim-abi/layout.ts';
import { sameView } from '../sockets/choose.ts';
import { connectionNameBytes, parseConnectionName } from '../sockets/connection-name.ts';
import type { Endpoint } from '../sockets/endpoint.ts';
import { STREAM_WINDOW } from '../sof/frames.ts';
import { decodeHelloReply, encodeHelloReply, type Hello } from '../sof/hello.ts';
import type { Connection, Connections } from './connections.ts';
import { ListenerLink } from './listener-link.ts';
import { PendingStream } from './pending-stream.ts';
import { Resets } from './reset.ts';
import { StreamRelay, type StreamRelayConfig } from './stream-relay.ts';

const { EAGAIN, ECONNREFUSED } = constants.errno;

/** From RELAY to the program's socket, when the flow is there already. */
const SOCKET_PATIENCE: Millis = 10_000;
/** A full accept queue is waited for as long as a connect of TCP lasts. */
const LISTENER_PATIENCE: Millis = 60_000;

export interface RelaysDeps
  extends Pick<
    Core,
    | 'os'
    | 'clock'
    | 'log'
    | 'folder'
    | 'gwid'
    | 'node'
    | 'pool'
    | 'hosts'
    | 'procs'
    | 'table'
    | 'serials'
  > {
  readonly connections: Connections;
}

interface Waiting {
  readonly pending: PendingStream;
  framing: StreamRelayConfig;
}

const NO_BYTES = new Uint8Array(0);
const RAW: StreamRelayConfig = { framed: false, sendWindow: 0, receiveWindow: 0 };

function framingOf(hello: { window: number } | undefined): StreamRelayConfig {
  if (hello === undefined) return RAW;
  return { framed: true, sendWindow: hello.window, receiveWindow: STREAM_WINDOW };
}

export class Relays {
  readonly #deps: RelaysDeps;
  readonly #resets: Resets;
  readonly #listener: UnixListener;
  /** By serial. BOUNDED by Connections. */
  readonly #waiting = new Map<number, Waiting>();
  /** BOUNDED by Connections. */
  readonly #running = new Set<StreamRelay>();

  constructor(deps: RelaysDeps) {
    this.#deps = deps;
    this.#resets = new Resets(deps);
    this.#listener = new UnixListener(
      { path: `${deps.folder}/relay`, type: 'stream', backlog: 4096, replaceStale: true },
      (fd, name) => this.#arrived(fd, name),
      deps.os,
    );
  }

  /** The program was told RELAY: its socket will come. `cancel`: it gave up. */
  expect(connection: Connection, patience: Millis, cancel: () => void = () => {}): PendingStream {
    const { os, clock, table, connections } = this.#deps;
    const waiting: Waiting = {
      framing: RAW,
      pending: new PendingStream(
        {
          os,
          clock,
          established: () => table.setState(connection.ino, SocketState.ESTABLISHED),
          failed: (errno) => table.setError(connection.ino, errno),
          ready: (socket, flow) => {
            this.#waiting.delete(connection.serial);
            this.#run(connection, socket, flow, waiting.framing);
          },
          cancel: () => {
            this.#waiting.delete(connection.serial);
            connections.remove(connection);
            cancel();
          },
        },
        { patience },
      ),
    };
    this.#waiting.set(connection.serial, waiting);
    return waiting.pending;
  }

  /** The flow is there. */
  allocated(connection: Connection, flow: PacketFlow, data: Uint8Array): void {
    let waiting = this.#waiting.get(connection.serial);
    if (waiting === undefined) {
      this.expect(connection, SOCKET_PATIENCE);
      waiting = this.#waiting.get(connection.serial);
    }
    if (waiting === undefined) return flow.dealloc();
    waiting.framing = framingOf(decodeHelloReply(data));
    waiting.pending.setFlow(flow);
  }

  /**
   * Connects a request to the program's listening socket, and accepts it: a socket that is gone refuses it. `own`: the
   * connecting end, when it is here.
   */
  async serve(
    request: IncomingRequest,
    endpoint: Endpoint,
    hello: Hello | undefined,
    own?: Connection,
  ): Promise<void> {
    const { connections } = this.#deps;
    if (connections.full) return request.refuse(ECONNREFUSED);
    const connection = connections.add(this.#accepted(request, endpoint, hello, own));
    let flow: PacketFlow | undefined;
    const link = this.#link(connection, endpoint, (result) => {
      if (flow === undefined) return;
      if (result >= 0) return this.#run(connection, result, flow, framingOf(hello));
      connections.remove(connection);
      flow.dealloc();
    });
    const first = await link.first;
    try {
      if (first < 0 && first !== -EAGAIN)
        throw new PeerError(`Listener of ${request.name}`, 'ECONNREFUSED');
      const answer = hello === undefined ? NO_BYTES : encodeHelloReply({ window: STREAM_WINDOW });
      flow = await request.accept(endpoint.pid, answer);
    } catch (error) {
      link.cancel();
      if (first >= 0) this.#deps.os.close(first);
      connections.remove(connection);
      if (first < 0) return request.refuse(ECONNREFUSED);
      throw error;
    }
    connection.flow = flow.id;
    if (first >= 0) return this.#run(connection, first, flow, framingOf(hello));
    this.#watchWaiting(connection, flow, link);
  }

  close(): void {
    this.#listener.close();
    for (const relay of [...this.#running]) relay.abort();
  }

  #arrived(fd: number, name: Uint8Array | undefined): void {
    const text = name?.[0] === 0 ? Buffer.from(name.subarray(1)).toString('latin1') : '';
    const parsed = parseConnectionName(this.#deps.gwid, text);
    const waiting = parsed === undefined ? undefined : this.#waiting.get(parsed.serial);
    // A stranger, or a connection that was given up.
    if (waiting === undefined) this.#deps.os.close(fd);
    else waiting.pending.setSocket(fd);
  }

  /** `first`: the descriptor or error of the first attempt, or -EAGAIN; then `late` gets what comes of it. */
  #link(
    connection: Connection,
    endpoint: Endpoint,
    late: (result: number) => void,
  ): { first: Promise<number>; cancel: () => void } {
    const { os, clock, gwid, folder } = this.#deps;
    const first = deferred<number>();
    let waited = false;
    const link = new ListenerLink(
      {
        os,
        clock,
        full: () => {
          waited = true;
          first.resolve(-EAGAIN);
        },
        done: (result) => (waited ? late(result) : first.resolve(result)),
      },
      {
        name: connectionNameBytes(gwid, connection),
        path: listenerPath(folder, endpoint),
        patience: LISTENER_PATIENCE,
      },
    );
    return { first: first.promise, cancel: () => link.cancel() };
  }

  /** The other end may leave while we wait for room in the accept queue. */
  #watchWaiting(connection: Connection, flow: PacketFlow, link: { cancel: () => void }): void {
    flow.observe({
      readable: () => {},
      writable: () => {},
      gone: () => {
        link.cancel();
        this.#deps.connections.remove(connection);
        flow.dealloc();
      },
    });
  }

  /** How the server sees a connection that comes through the gateway: in addresses of its own family. */
  #accepted(
    request: IncomingRequest,
    endpoint: Endpoint,
    hello: Hello | undefined,
    own: Connection | undefined,
  ): Connection {
    const { clock, serials } = this.#deps;
    const v4 = endpoint.family === 4;
    const serial = serials.take();
    const same = own !== undefined && sameView(endpoint, own.peer) ? own : undefined;
    const peer = same === undefined ? this.#peer(request, serial, hello) : undefined;
    return {
      family: own?.family ?? hello?.family ?? endpoint.family,
      local: same?.local ?? (v4 ? peer?.v4 : peer?.v6) ?? endpoint.ip,
      ...(peer === undefined ? {} : { holds: peer }),
      // A raw peer has no port; any that is not 0 will do.
      localPort: own?.localPort ?? hello?.peerPort ?? (serial & 0x7fff) + 0x8000,
      peer: same?.peer ?? this.#ownAddress(request, endpoint, v4),
      peerPort: endpoint.port,
      serial,
      ino: 0,
      pid: endpoint.pid,
      run: endpoint.run,
      name: request.name,
      role: 'accept',
      since: clock.now(),
      state: 'connecting',
      listener: endpoint.ino,
      handed: [],
      missed: 0,
    };
  }

  /** Addresses of the other end: stable for each process behind another gateway, and for each raw flow. */
  #peer(request: IncomingRequest, serial: number, hello: Hello | undefined): PoolEntry {
    return this.#deps.pool.get({
      kind: 'peer',
      node: hello?.node ?? request.name,
      key: hello?.key ?? `raw ${serial}`,
    });
  }

  /** Address that the other end has dialled, as this host knows it. */
  #ownAddress(request: IncomingRequest, endpoint: Endpoint, v4: boolean): Ip {
    if (!isAny(endpoint.ip)) return endpoint.ip;
    if (request.name === this.#deps.node) return this.#deps.hosts.primary(v4);
    const entry = this.#deps.pool.get({ kind: 'name', name: request.name });
    return v4 ? entry.v4 : entry.v6;
  }

  #run(connection: Connection, socket: number, flow: PacketFlow, framing: StreamRelayConfig): void {
    const { os, clock, connections } = this.#deps;
    const relay: StreamRelay = new StreamRelay(
      {
        os,
        clock,
        socket,
        flow,
        beforeReset: (errno) => this.#resets.prepare(connection, errno),
        resets: () => connection.resets === true,
        onEnd: () => {
          this.#running.delete(relay);
          connections.remove(connection);
        },
      },
      framing,
    );
    connection.state = 'relay';
    connection.bytes = () => ({ sent: relay.bytesOut, received: relay.bytesIn });
    this.#running.add(relay);
  }
}
