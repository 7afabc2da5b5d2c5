/**
 * Two members with a good flow between them, frames of every kind that they have exchanged, and somebody who puts made-up frames
 * on their wire. In virtual time.
 */
import {
  Abort,
  copyBytes,
  noBytes,
  qosRaw,
  ResourceError,
  type Signal,
  silentLogger,
  utf8,
} from '#lib/core/index.ts';
import { type Flow, FlowEvent, type FlowRequest } from '#lib/layer/index.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { EthLayer } from '../eth-layer.ts';
import type { EthWire } from '../wire.ts';
import { type SimulatedPort, SimulatedWire } from './simulated-wire.ts';

/** Flows with strangers that the server keeps at a time. */
const maxGuests = 16;
/** Said with the requests that the server takes for the test's own. */
const ours = utf8('ours');
/** Said with a request that it thinks about for ever. */
const slow = utf8('slow');

export class FuzzWorld {
  readonly clock: SimClock = new SimClock();
  readonly wire: EthWire;
  readonly medium: SimulatedWire;
  readonly a: EthLayer;
  readonly b: EthLayer;
  readonly ports: readonly [SimulatedPort, SimulatedPort];
  /** What each of the ports has received; BOUNDED by `open`. */
  readonly corpus: readonly [Uint8Array[], Uint8Array[]] = [[], []];
  /** The good flow's two ends, at a and b, and a frame for each. */
  readonly ends: Flow[] = [];
  readonly goodFrames: [Uint8Array, Uint8Array] = [noBytes, noBytes];
  /** Accepted from whoever asked, BOUNDED by `maxGuests`. */
  readonly #guests: Flow[] = [];
  #requests = 0;
  #sent = 0;
  #expected: [number, number] = [0, 0];
  /** Anything that must not have happened to the good flow. */
  readonly disturbances: string[] = [];

  constructor(wire: EthWire, seed: number) {
    const { clock } = this;
    this.wire = wire;
    this.medium = new SimulatedWire({ clock, random: new SeededRandom(seed) });
    const member = (n: number) =>
      new EthLayer(
        {
          clock,
          random: new SeededRandom(seed + n),
          port: this.medium.attach(wire.addressed),
          log: silentLogger,
        },
        { name: 'layer', hash: 'SHA3-256', wire },
      );
    [this.a, this.b] = [member(1), member(2)];
    const [one, two] = this.medium.ports;
    this.ports = [one!, two!];
  }

  /** Opens the good flow, and lets everything happen once that puts a kind of frame on the wire. */
  async open(): Promise<void> {
    const { clock, medium, a, b, corpus } = this;
    medium.tap = (frame, from) => {
      const heard = corpus[from === this.ports[0] ? 1 : 0];
      if (heard.length < 300) heard.push(frame);
      return true;
    };
    await b.register(b.hash('server'));
    await b.register(b.hash('other'));
    b.onRequest((r) => {
      if (Buffer.compare(r.data, ours) === 0) this.ends.push(r.accept(r.data));
      else if (Buffer.compare(r.data, slow) === 0) return;
      else if (this.#requests++ % 2 === 0) r.reject(111);
      else this.#welcome(r);
    });
    // Others first, so that their frames are known, and are not the good flow's.
    for (let i = 0; i < 6; i++) await this.#otherFlow(`guest ${i}`);
    expectFailure(await settled(clock.run(a.allocate(a.hash('nobody'), { qos: qosRaw }))));
    await clock.run(b.unregister(b.hash('other')));
    await this.#slowAnswer();
    const good = await clock.run(a.allocate(a.hash('server'), { qos: qosRaw, data: ours }));
    this.ends.unshift(good.flow);
    medium.tap = (frame, from) => {
      this.goodFrames[from === this.ports[0] ? 1 : 0] = frame;
      return true;
    };
    for (const end of this.ends) end.write(utf8('good'));
    medium.tap = undefined;
    await clock.settle();
    for (const end of this.ends) end.read();
    for (const [i, end] of this.ends.entries())
      end.onEvent((e) => this.disturbances.push(`event ${e} at end ${i}`));
    await clock.advance(20_000);
  }

  /** A packet each way, and a look at what has arrived. */
  async exchange(): Promise<void> {
    for (const end of this.ends) end.write(utf8(`good ${this.#sent}`));
    this.#sent++;
    await this.clock.settle();
    for (const [i, end] of this.ends.entries()) this.#read(i, end);
    for (const guest of this.#guests) while (guest.read() !== undefined);
  }

  /** Made-up frames come from a stranger, or from the peer's own address, but then not as packets of the good flow. */
  isGood(bytes: Uint8Array, length: number): boolean {
    const { format } = this.wire;
    if (format.check(bytes, 0, length) !== 0 || format.isManagement(bytes, 0)) return false;
    return this.goodEnds.includes(format.destination(bytes, 0));
  }

  /** Numbers of the good flow's ends. */
  get goodEnds(): number[] {
    return this.goodFrames.map((frame) => this.wire.format.destination(frame, 0));
  }

  /** One more flow, that ends at once. Rejects when a member does not get that far any more. */
  async another(): Promise<void> {
    const { clock, a } = this;
    const options = { qos: qosRaw, data: ours };
    const { flow } = await clock.run(a.allocate(a.hash('server'), options));
    flow.dealloc();
    this.ends.pop()!.dealloc();
  }

  async close(): Promise<void> {
    for (const layer of [this.a, this.b]) await this.clock.run(layer.close());
  }

  #read(i: number, end: Flow): void {
    for (let packet = end.read(); packet !== undefined; packet = end.read()) {
      const text = Buffer.from(packet).toString('latin1');
      if (text === `good ${this.#expected[i]}`) this.#expected[i]!++;
      // A wire without addresses cannot tell who said it.
      else if (this.wire.addressed || text.startsWith('good ')) this.disturbances.push(text);
    }
    if (this.#expected[i] !== this.#sent) this.disturbances.push(`end ${i} has lost a packet`);
    this.#expected[i] = this.#sent;
  }

  /** As lib/ipcp-dev does: who cannot be taken is told so. */
  #welcome(request: FlowRequest): void {
    let guest: Flow;
    try {
      guest = request.accept(ours);
    } catch (error) {
      if (!(error instanceof ResourceError)) throw error;
      return request.reject(error.errno);
    }
    this.#guests.push(guest);
    guest.onEvent((event) => event === FlowEvent.dealloc && guest.dealloc());
    if (this.#guests.length > maxGuests) this.#guests.shift()!.dealloc();
  }

  async #otherFlow(what: string): Promise<void> {
    const { clock, a } = this;
    const options = { qos: qosRaw, data: utf8(what) };
    const asked = await settled(clock.run(a.allocate(a.hash('server'), options)));
    if (asked instanceof Error) return;
    for (let n = 0; n < 520; n++) asked.flow.write(copyBytes(utf8(what)).subarray(0, n % 8));
    await clock.settle();
    const guest = this.#guests.at(-1)!;
    while (guest.read() !== undefined);
    guest.write(utf8(`${what}, too`));
    await clock.settle();
    asked.flow.dealloc();
    await clock.settle();
  }

  /** So slow that the request is said again. */
  async #slowAnswer(): Promise<void> {
    const { clock, a } = this;
    const { signal, abort } = aborted();
    const asking = settled(a.allocate(a.hash('server'), { qos: qosRaw, data: slow, signal }));
    await clock.advance(300);
    abort();
    await asking;
  }
}

function aborted(): { signal: Signal; abort: () => void } {
  const controller = new Abort();
  return { signal: controller.signal, abort: () => controller.abort() };
}

function settled<T>(promise: Promise<T>): Promise<T | Error> {
  return promise.catch((error: Error) => error);
}

function expectFailure(outcome: unknown): void {
  if (!(outcome instanceof Error)) throw new RangeError('A name that nobody has was found');
}
