/**
 * Two members with a good flow between them, datagrams of every kind that they have exchanged, and somebody who makes datagrams up. In
 * virtual time.
 */
import { qosRaw, ResourceError, utf8 } from '#lib/core/index.ts';
import { type Flow, FlowEvent, type FlowRequest } from '#lib/layer/index.ts';
import { type Address, addressKey, type Family } from '#lib/udp/index.ts';
import { udpHeader } from '#lib/wire/index.ts';
import type { UdpLayer } from '../udp-layer.ts';
import { SimNet } from './sim-net.ts';

/** Flows with strangers that the server keeps at a time. */
const maxGuests = 16;
const ours = utf8('ours');
const slow = utf8('slow');

export class FuzzWorld {
  readonly net: SimNet;
  readonly client: UdpLayer;
  readonly server: UdpLayer;
  readonly addresses: readonly [Address, Address];
  /** What client and server have received; BOUNDED by `open`. */
  readonly corpus: readonly [Uint8Array[], Uint8Array[]] = [[], []];
  /** The good flow's ends, at client and server, and their numbers. */
  readonly ends: Flow[] = [];
  readonly eids: [number, number] = [0, 0];
  /** Anything that must not have happened to the good flow. */
  readonly disturbances: string[] = [];
  /** BOUNDED by `maxGuests`. */
  readonly #guests: Flow[] = [];
  #requests = 0;
  #sent = 0;
  #expected: [number, number] = [0, 0];

  constructor(family: Family, seed: number) {
    this.net = new SimNet({ count: 2, family, seed });
    const [client, server] = this.net.members;
    this.client = client!;
    this.server = server!;
    const [one, two] = this.net.addresses;
    this.addresses = [one!, two!];
  }

  /** Opens the good flow, and lets everything happen once that makes a kind of datagram. */
  async open(): Promise<void> {
    const { client, server, corpus, net } = this;
    const { clock, medium } = net;
    medium.tap = (bytes, _from, to) => {
      const heard = corpus[addressKey(to) === addressKey(this.addresses[0]) ? 0 : 1];
      if (heard.length < 300) heard.push(bytes);
      return true;
    };
    await server.register(server.hash('server'));
    server.onRequest((r) => {
      if (Buffer.compare(r.data, ours) === 0) this.ends.push(r.accept(ours));
      else if (Buffer.compare(r.data, slow) === 0) return;
      else if (this.#requests++ % 2 === 0) r.reject(111);
      else this.#welcome(r);
    });
    for (let i = 0; i < 4; i++) await this.#otherFlow(`guest ${i}`);
    await clock.run(client.query(client.hash('nobody')));
    await this.#slowAnswer();
    const options = { qos: qosRaw, data: ours };
    const { flow } = await clock.run(client.allocate(client.hash('server'), options));
    this.ends.unshift(flow);
    medium.tap = (bytes, _from, to) => {
      const side = addressKey(to) === addressKey(this.addresses[0]) ? 0 : 1;
      this.eids[side] = udpHeader.at.eid.get(bytes, 0);
      return true;
    };
    for (const end of this.ends) end.write(ours);
    await clock.settle();
    medium.tap = () => true;
    for (const [i, end] of this.ends.entries()) {
      end.read();
      end.onEvent((e) => this.disturbances.push(`event ${e} at end ${i}`));
    }
    await clock.advance(20_000);
  }

  async exchange(): Promise<void> {
    for (const end of this.ends) end.write(utf8(`good ${this.#sent}`));
    this.#sent++;
    await this.net.clock.settle();
    for (const [i, end] of this.ends.entries()) {
      for (let packet = end.read(); packet !== undefined; packet = end.read()) {
        const text = Buffer.from(packet).toString('latin1');
        if (text === `good ${this.#expected[i]}`) this.#expected[i]!++;
        else this.disturbances.push(text);
      }
      if (this.#expected[i] !== this.#sent) this.disturbances.push(`end ${i} has lost a packet`);
      this.#expected[i] = this.#sent;
    }
    for (const guest of this.#guests) while (guest.read() !== undefined);
  }

  /** One more flow, that ends at once. Rejects when a member does not get that far any more. */
  async another(): Promise<void> {
    const { client, net } = this;
    const options = { qos: qosRaw, data: ours };
    const { flow } = await net.clock.run(client.allocate(client.hash('server'), options));
    flow.dealloc();
    this.ends.pop()!.dealloc();
  }

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
    const { client, net } = this;
    const options = { qos: qosRaw, data: utf8(what) };
    const asked = await net.clock
      .run(client.allocate(client.hash('server'), options))
      .catch(() => undefined);
    if (asked === undefined) return;
    for (let n = 0; n < 2100; n++) asked.flow.write(utf8(what).subarray(0, n % 8));
    await net.clock.settle();
    const guest = this.#guests.at(-1)!;
    while (guest.read() !== undefined);
    guest.write(utf8(`${what}, too`));
    await net.clock.settle();
    asked.flow.dealloc();
    await net.clock.settle();
  }

  /** So slow that the request is said again, and then given up. */
  async #slowAnswer(): Promise<void> {
    const { client, net } = this;
    const options = { qos: qosRaw, data: slow, timeout: 400 };
    await net.clock.run(client.allocate(client.hash('server'), options)).catch(() => undefined);
  }
}
