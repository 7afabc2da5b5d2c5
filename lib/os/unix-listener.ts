/**
 * Accepts connections on an AF_UNIX path. Owns its descriptor and the path.
 *
 * Keeps one spare descriptor: when our table is full, it is given up for a moment to accept and drop the
 * waiting connection, which would otherwise wake us without end.
 */
import { unlinkSync } from 'node:fs';
import type { NativeVerbs, SocketType } from './native.ts';
import { os as real, WatchEvent } from './native.ts';
import { check, osError } from './os-error.ts';
import { Watch } from './watch.ts';

const EADDRINUSE = -98;
const ECONNREFUSED = -111;
const EMFILE = -24;
const ENFILE = -23;

/** Connections taken per turn of the event loop. */
const batch = 32;

type Verbs = Pick<NativeVerbs, 'unixListen' | 'unixConnect' | 'accept' | 'close' | 'dup' | 'watch'>;

export interface UnixListenerConfig {
  path: string;
  type: Exclude<SocketType, 'dgram'>;
  backlog?: number;
  /** Take over a path that nobody listens on any more. */
  replaceStale?: boolean;
}

export class UnixListener {
  readonly path: string;
  readonly #os: Verbs;
  readonly #fd: number;
  readonly #watch: Watch;
  readonly #onConnection: (fd: number, name: Uint8Array | undefined) => void;
  #spare: number;
  #closed = false;

  /** `onConnection` owns the descriptor that it gets: non-blocking, close-on-exec. */
  constructor(
    config: UnixListenerConfig,
    onConnection: (fd: number, name: Uint8Array | undefined) => void,
    os: Verbs = real,
  ) {
    this.path = config.path;
    this.#os = os;
    this.#onConnection = onConnection;
    this.#fd = listen(os, config);
    this.#spare = os.dup(this.#fd, 0);
    this.#watch = new Watch(os, this.#fd, WatchEvent.readable, () => this.#accept());
  }

  ref(): void {
    this.#watch.ref();
  }

  unref(): void {
    this.#watch.unref();
  }

  /** Also removes the path. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#os.close(this.#fd);
    if (this.#spare >= 0) this.#os.close(this.#spare);
    removePath(this.path);
  }

  #accept(): void {
    for (let i = 0; i < batch && !this.#closed; i++) {
      const got = this.#os.accept(this.#fd);
      if (typeof got !== 'number') this.#onConnection(got.fd, got.name);
      else if (got === EMFILE || got === ENFILE) this.#dropOne();
      else return;
    }
  }

  #dropOne(): void {
    if (this.#spare >= 0) this.#os.close(this.#spare);
    const got = this.#os.accept(this.#fd);
    if (typeof got !== 'number') this.#os.close(got.fd);
    this.#spare = this.#os.dup(this.#fd, 0);
  }
}

function listen(os: Verbs, config: UnixListenerConfig): number {
  const backlog = config.backlog ?? 128;
  const fd = os.unixListen(config.path, config.type, backlog);
  if (fd !== EADDRINUSE || config.replaceStale !== true) {
    return check<number>(fd, `Listening on ${config.path}`);
  }
  const probe = os.unixConnect(config.path, config.type);
  if (probe !== ECONNREFUSED) {
    if (probe >= 0) os.close(probe);
    throw osError(EADDRINUSE, `Listening on ${config.path}`);
  }
  removePath(config.path);
  return check<number>(
    os.unixListen(config.path, config.type, backlog),
    `Listening on ${config.path}`,
  );
}

function removePath(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody else removed it: that is what we wanted.
  }
}
