/** Channels over AF_UNIX SOCK_SEQPACKET sockets: one MessagePack map a message (docs/protocols/control.md). */

// Without the streams of the package's main entry, which double the time to load it.
import { Packr } from 'msgpackr/pack';
import { type Logger, UsageError } from '#lib/core/index.ts';
import { MessageSocket, os, UnixListener } from '#lib/os/index.ts';
import type { Channel, Credentials } from './channel.ts';

export const MAX_MESSAGE_BYTES = 65_536;

// Plain maps only: what another MessagePack library writes and reads.
const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  moreTypes: false,
  int64AsType: 'number',
});

export class SeqpacketChannel implements Channel {
  readonly cred: Credentials;
  readonly #socket: MessageSocket;
  /** BOUNDED by the code that subscribes: RpcPeer only. */
  readonly #onClose: (() => void)[] = [];
  #closed = false;

  constructor(socket: MessageSocket) {
    this.#socket = socket;
    this.cred = socket.peer();
    socket.onClose(() => this.#ended());
  }

  send(message: unknown, fds: readonly number[] = []): void {
    const bytes = packr.pack(message);
    if (bytes.length > MAX_MESSAGE_BYTES) {
      for (const fd of fds) os.close(fd);
      throw new UsageError(
        `Message of ${bytes.length} bytes, above ${MAX_MESSAGE_BYTES}`,
        'EMSGSIZE',
      );
    }
    this.#socket.send(bytes, fds);
  }

  onMessage(fn: (message: unknown, fds: number[]) => void): void {
    this.#socket.onMessage((bytes, received) => {
      let message: unknown;
      try {
        message = packr.unpack(bytes);
      } catch {
        this.close();
        return;
      }
      fn(message, received.splice(0));
    });
  }

  onClose(fn: () => void): void {
    if (this.#closed) fn();
    else this.#onClose.push(fn);
  }

  close(): void {
    this.#socket.close();
    this.#ended();
  }

  /** Whether this connection keeps the process alive. */
  ref(): void {
    this.#socket.ref();
  }

  unref(): void {
    this.#socket.unref();
  }

  #ended(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const fn of this.#onClose.splice(0)) fn();
  }
}

export interface ServerDeps {
  log?: Pick<Logger, 'warn'>;
}

export interface ServerConfig {
  path: string;
  /** Connections at once; more are closed at accept. */
  maxConnections?: number;
}

/** Listens on a path and hands over a channel per connection. Takes over a path that nobody serves any more. */
export class SeqpacketServer {
  readonly #listener: UnixListener;
  /** BOUNDED by maxConnections. */
  readonly #channels = new Set<SeqpacketChannel>();

  constructor(
    deps: ServerDeps,
    config: ServerConfig,
    onChannel: (channel: SeqpacketChannel) => void,
  ) {
    const max = config.maxConnections ?? 4096;
    this.#listener = new UnixListener(
      { path: config.path, type: 'seqpacket', backlog: 1024, replaceStale: true },
      (fd) => {
        if (this.#channels.size >= max) {
          deps.log?.warn(`More than ${max} connections on ${config.path}: one was closed`);
          os.close(fd);
          return;
        }
        const channel = new SeqpacketChannel(new MessageSocket(fd));
        this.#channels.add(channel);
        channel.onClose(() => this.#channels.delete(channel));
        onChannel(channel);
      },
    );
  }

  get connections(): number {
    return this.#channels.size;
  }

  /** Stops listening and closes every connection. */
  close(): void {
    this.#listener.close();
    for (const channel of [...this.#channels]) channel.close();
  }
}

/** Throws PeerError ECONNREFUSED or UsageError ENOENT when nobody serves the path. */
export function connectChannel(path: string): SeqpacketChannel {
  return new SeqpacketChannel(MessageSocket.connect(path));
}
