/** A ShortcutPort that is a UDP socket. Owns the socket. */
import type { Clock } from '#lib/core/index.ts';
import { check, type NativeVerbs, os as real, Watch, WatchEvent } from '#lib/os/index.ts';
import { type Address, addressText, TrainSender } from '#lib/udp/index.ts';
import type { ShortcutPort, ShortcutPortEvents } from './shortcut-port.ts';
import { slabTrains, type Trains, trainSlot } from './trains.ts';

/** Wanted; who is not root gets what the system allows. */
const bufferBytes = 4 * 1024 * 1024;
const solSocket = 1;
const soRcvbuf = 8;

type Verbs = Pick<
  NativeVerbs,
  'udpOpen' | 'udpName' | 'udpRecv' | 'udpSend' | 'getsockoptInt' | 'close' | 'watch'
>;

export class SocketPort implements ShortcutPort {
  readonly address: Address;
  readonly bufferBytes: number;
  readonly sender: TrainSender;
  readonly #os: Verbs;
  readonly #fd: number;
  readonly #watch: Watch;
  #events: ShortcutPortEvents = { readable() {}, room() {} };
  #closed = false;

  /** At `here`, whose port is 0: any. UsageError EADDRNOTAVAIL: this process is on another network than the layer. */
  constructor(deps: { clock: Pick<Clock, 'after'>; os?: Verbs }, here: Address) {
    const os = deps.os ?? real;
    const what = `Opening UDP socket ${addressText(here)}`;
    this.#os = os;
    this.#fd = check<number>(os.udpOpen(here, bufferBytes), what);
    try {
      this.address = check<Uint8Array>(os.udpName(this.#fd), what);
      this.bufferBytes = check<number>(os.getsockoptInt(this.#fd, solSocket, soRcvbuf), what);
      const ready = (status: number, events: number) => this.#ready(status, events);
      this.#watch = new Watch(os, this.#fd, WatchEvent.readable, ready);
    } catch (error) {
      os.close(this.#fd);
      throw error;
    }
    const watch = this.#watch;
    this.sender = new TrainSender(
      {
        os,
        clock: deps.clock,
        awaitSocket: () => watch.set(WatchEvent.readable | WatchEvent.writable),
        room: () => this.#events.room(),
      },
      this.#fd,
    );
  }

  listen(events: ShortcutPortEvents): void {
    this.#events = events;
  }

  receive(trains: Trains): number {
    if (this.#closed) return 0;
    const { bytes, lengths, segments, from } = trains;
    return this.#os.udpRecv(this.#fd, bytes, trainSlot, lengths, segments, from, slabTrains);
  }

  ref(): void {
    this.#watch.ref();
  }

  unref(): void {
    this.#watch.unref();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.sender.close();
    this.#watch.close();
    this.#os.close(this.#fd);
  }

  #ready(status: number, events: number): void {
    if (this.#closed) return;
    if (status < 0) this.#watch.resume();
    if (events & WatchEvent.writable) {
      this.#watch.set(WatchEvent.readable);
      this.sender.resume();
    }
    this.#events.readable();
  }
}
