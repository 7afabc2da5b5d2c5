/**
 * A raptor link inside this host: a socket that keeps message boundaries, in place of 2018's ring of page-aligned buffers. The link is
 * up while the other end is there; what is sent meanwhile is lost.
 */
import type { Clock } from '#lib/core/index.ts';
import type { Guard } from '#lib/ipcp-dev/index.ts';
import { type NativeVerbs, os as real } from '#lib/os/index.ts';
import { maxRaptorFrame } from '#lib/wire/index.ts';
import { FrameSocket } from '../eth/frame-socket.ts';
import type { PacketPort, PacketPortEvents, PortDeps } from '../eth/packet-port.ts';

export class PipePort implements PacketPort {
  readonly mac: Uint8Array = new Uint8Array(0);
  readonly mtu: number = maxRaptorFrame;
  readonly #os: NativeVerbs;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #guard: Guard | undefined;
  readonly #nowhere = new Uint8Array(maxRaptorFrame);
  #socket: FrameSocket | undefined;
  #events: PacketPortEvents | undefined;
  #onClose: (() => void) | undefined;
  #lost = 0;
  #closed = false;
  /** The other end has gone. */
  onDown: (() => void) | undefined;

  constructor(deps: PortDeps) {
    this.#clock = deps.clock;
    this.#guard = deps.guard;
    this.#os = deps.os ?? real;
  }

  /** Takes over `fd`, a connected SEQPACKET socket; the link is up from then on. A second one is not taken while it is. */
  attach(fd: number): void {
    if (this.#closed || this.#socket !== undefined) {
      this.#os.close(fd);
      return;
    }
    const socket: FrameSocket = new FrameSocket(
      { os: this.#os, clock: this.#clock, guard: this.#guard },
      { fd, frameBytes: maxRaptorFrame },
      {
        frame: (bytes, base, end) => this.#events?.frame(bytes, base, end),
        writable: () => this.#events?.writable(),
        ended: () => this.#ended(),
      },
    );
    this.#socket = socket;
    this.#events?.link(true);
    this.#events?.writable();
  }

  get up(): boolean {
    return this.#socket !== undefined;
  }

  get out(): Uint8Array {
    return this.#socket?.out ?? this.#nowhere;
  }

  listen(events: PacketPortEvents): void {
    this.#events = events;
  }

  reserve(bytes: number): number {
    return this.#socket?.reserve(bytes) ?? 0;
  }

  commit(bytes: number): void {
    if (this.#socket === undefined) this.#lost++;
    else this.#socket.commit(bytes);
  }

  flush(): void {
    this.#socket?.flush();
  }

  later(fn: () => void): void {
    setImmediate(this.#guard?.(fn) ?? fn);
  }

  counters(): Readonly<Record<string, number>> {
    return { 'lost without a link': this.#lost };
  }

  /** Called by `close`. */
  onClose(fn: () => void): void {
    this.#onClose = fn;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket?.close();
    this.#socket = undefined;
    this.#onClose?.();
  }

  #ended(): void {
    this.#socket?.close();
    this.#socket = undefined;
    this.#events?.link(false);
    this.onDown?.();
  }
}
