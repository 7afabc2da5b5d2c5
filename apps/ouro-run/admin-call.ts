/**
 * One request to `<gw>/admin` and its answer, in the framing of docs/protocols/control.md. Not lib/rpc: a program's start waits
 * for this, and loading lib/rpc with all it needs would take longer than everything else here.
 */
import { Packr } from 'msgpackr/pack';
import { type OuroError, PeerError, RemoteError, TimeoutError } from '#lib/core/errors.ts';

const MAX_MESSAGE = 65_536;
const EAGAIN = -11;
const READABLE = 1;

/** The verbs of lib/os that are used; main.ts gives them. */
export interface CallVerbs {
  unixConnect(path: string, type: 'seqpacket'): number;
  send(fd: number, from: Uint8Array, off: number, len: number): number;
  recv(fd: number, to: Uint8Array, off: number, len: number): number;
  watch(fd: number, events: number, callback: () => void): { close(): void } | number;
  close(fd: number): number;
}

export interface AdminCallDeps {
  readonly os: CallVerbs;
  readonly after: (delay: number, fn: () => void) => { cancel(): void };
}

const packr = new Packr({ useRecords: false, mapsAsObjects: true, moreTypes: false });

/** A connection, or undefined when nobody listens on the path. */
export function openAdmin(deps: AdminCallDeps, path: string): AdminCall | undefined {
  const fd = deps.os.unixConnect(path, 'seqpacket');
  return fd < 0 ? undefined : new AdminCall(deps, fd);
}

export class AdminCall {
  readonly #deps: AdminCallDeps;
  readonly #fd: number;

  constructor(deps: AdminCallDeps, fd: number) {
    this.#deps = deps;
    this.#fd = fd;
  }

  /** One call at a time. Rejects with the gateway's error, TimeoutError, or PeerError when it went away. */
  async call(method: string, params: unknown, timeout: number): Promise<unknown> {
    const request = packr.pack({ i: 1, m: method, p: params });
    if (request.length > MAX_MESSAGE)
      throw new PeerError(`Request ${method} of ${request.length} bytes is too long`, 'EMSGSIZE');
    const sent = this.#deps.os.send(this.#fd, request, 0, request.length);
    if (sent < 0) throw new PeerError('The gateway closed the connection', 'EPIPE');
    const answer = packr.unpack(await this.#receive(method, timeout)) as Record<string, unknown>;
    if (answer.e === undefined) return answer.r;
    const { code, message } = answer.e as { code: string; message: string };
    throw new RemoteError('peer', code as OuroError['code'], message);
  }

  close(): void {
    this.#deps.os.close(this.#fd);
  }

  #receive(method: string, timeout: number): Promise<Uint8Array> {
    const { os, after } = this.#deps;
    const bytes = new Uint8Array(MAX_MESSAGE);
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => {
        timer.cancel();
        if (typeof watch !== 'number') watch.close();
        settle();
      };
      const watch = os.watch(this.#fd, READABLE, () => {
        const got = os.recv(this.#fd, bytes, 0, bytes.length);
        if (got === EAGAIN) return;
        if (got <= 0)
          done(() => reject(new PeerError('The gateway closed the connection', 'EPIPE')));
        else done(() => resolve(bytes.subarray(0, got)));
      });
      const timer = after(timeout, () =>
        done(() =>
          reject(new TimeoutError(`The gateway did not answer ${method} in ${timeout} ms`)),
        ),
      );
    });
  }
}
