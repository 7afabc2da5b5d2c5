/**
 * One end of a shortcut: how two sockets find each other, packets on their way out, the window that keeps a slow reader's socket from being
 * overrun, and the watch over a way that may break while the one through the layer still holds. Everything that has been said may be lost.
 *
 * Windows count units, so that long packets do not fill a socket before the window is full. Owns the port.
 */
import {
  type Clock,
  defineMachine,
  type Machine,
  type Millis,
  soon,
  type Timer,
} from '#lib/core/index.ts';
import { type ShortcutOffer, Window } from '#lib/layer/index.ts';
import { copyAddress, type Destination, maxTrainBytes } from '#lib/udp/index.ts';
import { ShortcutKind, shortcutHeader, shortcutMessage } from '#lib/wire/index.ts';
import type { ShortcutPort } from './shortcut-port.ts';

/** Packet `index` of those to make is `offset .. offset + length` of `memory`, during the call only. */
type PacketMaker = (memory: Uint8Array, offset: number, index: number) => void;

/** greeting: both have offered a socket, and try whether they reach each other. failed: packets go through the layer. */
export const shortcutMachine = defineMachine({
  name: 'shortcut',
  initial: 'offered',
  states: {
    offered: { to: ['greeting', 'failed', 'closed'] },
    greeting: { to: ['open', 'failed', 'closed'] },
    open: { to: ['failed', 'closed'] },
    failed: { to: [], final: true, failure: true },
    closed: { to: [], final: true },
  },
});
type State = keyof typeof shortcutMachine.states;

/** Payload of a datagram that fills an Ethernet frame: one unit. The kernel charges a socket about `unitCharge` for it. */
const unitBytes = 1472;
const unitCharge = 2304;
const [fewestUnits, mostUnits] = [16, 2048];
const headerBytes = shortcutHeader.bytes;
const header = shortcutHeader.at;

/** What is said without an answer is said again after this, doubled each time. */
const patience: Millis = 50;
const attempts = 6;
const probeFirst: Millis = 20;
const probeLast: Millis = 1000;
const watchEvery: Millis = 1000;
/** Questions without an answer, one each `watchEvery`, before the way is given up. */
const mostUnanswered = 3;

export interface ShortcutLinkDeps {
  readonly port: ShortcutPort;
  readonly clock: Pick<Clock, 'after'>;
  /** Brings an offer to the other end, by the layer. */
  offer(offer: ShortcutOffer): void;
  /** Units that may still come: the reader has room for them. */
  room(): number;
  /** The other end has sent so many packets through the layer, and sends no more there. */
  moved(packets: number): void;
  /** Packets go here from now on. Returns how many went through the layer. */
  opened(): number;
  /** There is room again after `reserve` said no. */
  writable(): void;
  /** Packets go through the layer again. What has arrived can be received during the call. */
  failed(): void;
}

export class ShortcutLink {
  readonly #deps: ShortcutLinkDeps;
  readonly #token: number;
  readonly #machine: Machine<State> = shortcutMachine.start();
  readonly #window: Window;
  /** Units that our socket holds. */
  readonly #units: number;
  #peer: Destination | undefined;
  #peerToken = 0;
  /** The other end has offered its socket, so it may not know ours. */
  #asked = false;
  /** `reserve` said no. */
  #blocked = false;
  #flushing = false;
  #repeating: Timer | undefined;
  #probe: Timer | undefined;
  #probeWait = probeFirst;
  #watch: Timer | undefined;
  #watched = 0;
  #unanswered = 0;

  constructor(deps: ShortcutLinkDeps, { token }: { token: number }) {
    this.#deps = deps;
    this.#token = token;
    const units = Math.floor(deps.port.bufferBytes / unitCharge);
    this.#units = Math.max(fewestUnits, Math.min(units, mostUnits));
    this.#window = new Window(this.#units);
  }

  get state(): State {
    return this.#machine.state;
  }

  /** Nothing is sent or received any more. */
  get over(): boolean {
    return this.#machine.ended;
  }

  /** Undefined until the other end has offered its socket. */
  get peer(): Destination | undefined {
    return this.#peer;
  }

  /** What may be on its way here. */
  get units(): number {
    return this.#units;
  }

  get bytes(): number {
    return this.#units * unitBytes;
  }

  /** Offers the socket until the other end offers its own. */
  start(): void {
    this.#persist(() => this.#offer());
  }

  /** The other end has offered a socket, whose address was checked. */
  offered({ address, token }: ShortcutOffer): void {
    this.#asked = true;
    if (!this.#machine.is('offered')) return;
    this.#machine.move('greeting');
    this.#peer = { address: copyAddress(address, 0), longestInTrain: maxTrainBytes };
    this.#peerToken = token;
    this.#persist(() => this.#greet());
  }

  /** Offset in the sender's bytes for a packet, or -1 when there is no room now. In state open only. */
  reserve(length: number): number {
    const { sender } = this.#deps.port;
    const size = headerBytes + length;
    const at = this.#granted(size) ? sender.reserve(size, this.#peer!) : -1;
    if (at < 0) {
      this.#blocked = true;
      return -1;
    }
    header.kind.set(sender.bytes, at, ShortcutKind.packet);
    header.token.set(sender.bytes, at, this.#peerToken);
    return at + headerBytes;
  }

  /** The packet of the last `reserve` is complete, with at most that length. It leaves by `flush`, or at the end of the turn. */
  commit(length: number): void {
    const size = headerBytes + length;
    this.#deps.port.sender.commit(size);
    this.#sent(unitsOf(size));
  }

  /** Makes up to `count` packets of `length` bytes in place; returns how many there was room for. They leave by `flush`. */
  fill(length: number, count: number, make: PacketMaker): number {
    let done = 0;
    while (done < count) {
      const fit = this.#reserveRun(headerBytes + length, count - done);
      if (fit === 0) break;
      const { bytes, runStart } = this.#deps.port.sender;
      for (let i = 0, at = runStart; i < fit; i++, at += headerBytes + length) {
        header.kind.set(bytes, at, ShortcutKind.packet);
        header.token.set(bytes, at, this.#peerToken);
        make(bytes, at + headerBytes, done + i);
      }
      this.#deps.port.sender.commitRun(headerBytes + length, fit);
      this.#sent(fit * unitsOf(headerBytes + length));
      done += fit;
    }
    return done;
  }

  flush(): void {
    this.#deps.port.sender.flush();
  }

  /** Datagrams of packets have come, all of `length` bytes without headers. */
  arrived(count: number, length: number): void {
    this.#window.arrive(false, count * unitsOf(headerBytes + length));
  }

  /** The reader may have room: tells the other end when that is worth it. */
  grantMore(): void {
    if (!this.#window.due || !this.#machine.is('greeting', 'open')) return;
    const room = this.#deps.room();
    if (this.#window.worth(room)) this.#say(ShortcutKind.credit, this.#window.grant(room));
  }

  message(kind: number, value: number): void {
    if (!this.#machine.is('greeting', 'open')) return;
    switch (kind) {
      case ShortcutKind.hello:
        return this.#say(ShortcutKind.welcome, this.#units);
      case ShortcutKind.welcome:
        return this.#welcomed(value);
      case ShortcutKind.moved:
        return this.#deps.moved(value);
      case ShortcutKind.sync:
        if (this.#window.synced(value))
          this.#say(ShortcutKind.credit, this.#window.grant(this.#deps.room()));
        return;
      case ShortcutKind.credit:
        this.#unanswered = 0;
        if (!this.#window.granted(value)) return;
        this.#stopProbing();
        this.#unblock();
        return;
    }
  }

  /** The socket has room again. */
  room(): void {
    this.#unblock();
  }

  /** Idempotent. What was committed leaves first. */
  close(): void {
    if (this.over) return;
    this.#machine.move('closed');
    this.#quiet();
    this.#deps.port.close();
  }

  /** Has the other end room for a datagram of that size? */
  #granted(size: number): boolean {
    if (this.#window.left >= unitsOf(size)) return true;
    if (this.#probe === undefined) this.#probeLater();
    return false;
  }

  #reserveRun(size: number, count: number): number {
    const room = Math.floor(Math.min(this.#window.left, this.#window.most) / unitsOf(size));
    const fit = this.#granted(size)
      ? this.#deps.port.sender.reserveRun(size, Math.min(count, Math.max(1, room)), this.#peer!)
      : 0;
    if (fit === 0) this.#blocked = true;
    return fit;
  }

  #sent(units: number): void {
    if (this.#window.send(units)) this.#sync();
    if (this.#watch === undefined) this.#watchLater();
    this.#flushSoon();
  }

  #welcomed(units: number): void {
    if (!this.#machine.is('greeting') || units < fewestUnits || units > mostUnits) return;
    this.#repeating?.cancel();
    this.#window.peerHas(units);
    this.#say(ShortcutKind.moved, this.#deps.opened());
    this.#machine.move('open');
  }

  #fail(): void {
    this.#machine.move('failed');
    this.#quiet();
    this.#deps.failed();
    this.#deps.port.close();
  }

  #greet(): void {
    // Not at each of its offers: it answers ours in the same way.
    if (this.#asked) this.#offer();
    this.#asked = false;
    this.#say(ShortcutKind.hello, this.#units);
  }

  #offer(): void {
    this.#deps.offer({ address: this.#deps.port.address, token: this.#token });
  }

  /** Lost when there is no room: what matters is said again. */
  #say(kind: number, value: number): void {
    const { sender } = this.#deps.port;
    const at = sender.reserve(shortcutMessage.bytes, this.#peer!);
    if (at < 0) return;
    shortcutMessage.write(sender.bytes, at, { kind, token: this.#peerToken, value: value | 0 });
    sender.commit();
    this.#flushSoon();
  }

  /** Says something now and again and again, until the state changes; nobody answers: that was it. */
  #persist(say: () => void, attempt = 0): void {
    this.#repeating?.cancel();
    if (attempt === attempts) return this.#fail();
    say();
    const again = () => this.#persist(say, attempt + 1);
    this.#repeating = this.#deps.clock.after(patience * 2 ** attempt, again, true);
  }

  #sync(): void {
    this.#say(ShortcutKind.sync, this.#window.sent);
  }

  #probeLater(): void {
    const probe = () => {
      this.#probeWait = Math.min(2 * this.#probeWait, probeLast);
      this.#probeLater();
      this.#sync();
    };
    this.#probe = this.#deps.clock.after(this.#probeWait, probe, true);
  }

  #stopProbing(): void {
    this.#probe?.cancel();
    this.#probe = undefined;
    this.#probeWait = probeFirst;
  }

  /** While packets leave, or one waits for room, the other end is asked whether they come. */
  #watchLater(): void {
    this.#watched = this.#window.sent;
    this.#watch = this.#deps.clock.after(watchEvery, () => this.#look(), true);
  }

  #look(): void {
    this.#watch = undefined;
    const busy = this.#window.sent !== this.#watched || this.#probe !== undefined;
    if (!busy && this.#unanswered === 0) return;
    if (this.#unanswered === mostUnanswered) return this.#fail();
    this.#unanswered++;
    this.#sync();
    this.#watchLater();
  }

  #unblock(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#deps.writable();
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    soon(this.#flushNow);
  }

  readonly #flushNow = (): void => {
    this.#flushing = false;
    this.#deps.port.sender.flush();
  };

  #quiet(): void {
    this.#repeating?.cancel();
    this.#stopProbing();
    this.#watch?.cancel();
    this.#watch = undefined;
  }
}

function unitsOf(bytes: number): number {
  return bytes <= unitBytes ? 1 : Math.ceil(bytes / unitBytes);
}
