/** Forged, cut, mixed and replayed datagrams by the hundred thousand: each is counted or harmless, and the flows that are there go on. */
import { expect, it } from '@jest/globals';
import { qosRaw, toHex, utf8 } from '#lib/core/index.ts';
import { collect } from '#lib/layer/conformance/world.ts';
import type { Flow } from '#lib/layer/index.ts';
import { udpManagementLayout } from '#lib/wire/index.ts';
import { type Address, socketAddress } from './address.ts';
import type { DatagramPort, DatagramPortEvents } from './datagram-port.ts';
import { ExtensionCode } from './extension.ts';
import { ipOf, SimNet } from './testing/sim-net.ts';
import { UdpLayer } from './udp-layer.ts';

const DATAGRAMS = 1_000_000;

/** Gives the layer datagrams straight into its hands, and throws away what it says to strangers. */
class Wiretap implements DatagramPort {
  readonly address: Address;
  readonly out: Uint8Array;
  events: DatagramPortEvents | undefined;
  readonly #inner: DatagramPort;
  #drop = false;

  constructor(inner: DatagramPort) {
    this.#inner = inner;
    this.address = inner.address;
    this.out = inner.out;
  }

  reserve(bytes: number, to: { address: Address; longestInTrain: number }): number {
    this.#drop = to.address.at(7) === stranger.at(7);
    return this.#inner.reserve(bytes, to);
  }

  commit(): void {
    if (!this.#drop) this.#inner.commit();
  }

  flush(): void {}

  listen(events: DatagramPortEvents): void {
    this.events = events;
    this.#inner.listen(events);
  }

  counters(): Readonly<Record<string, number>> {
    return {};
  }

  close(): void {
    this.#inner.close();
  }
}

const stranger = socketAddress(ipOf('udp4', 77), 3435);

it(`takes ${DATAGRAMS} bad datagrams`, async () => {
  const net = new SimNet({ count: 0, seed: 42 });
  const { clock, random, medium } = net;
  const [ipA, ipB] = [ipOf('udp4', 1), ipOf('udp4', 2)];
  const addressB = socketAddress(ipB, 3435);
  const tap = new Wiretap(medium.open(socketAddress(ipA, 3435)));
  const a = new UdpLayer({ clock, random, port: tap }, { name: 'udp', family: 'udp4' });
  const b = new UdpLayer(
    { clock, random, port: medium.open(addressB) },
    { name: 'udp', family: 'udp4', peers: [ipA] },
  );
  let server: Flow | undefined;
  let requests = 0;
  a.onRequest((r) => {
    if (server === undefined) server = r.accept();
    else if (++requests % 2 === 0) r.reject(13);
  });
  const hash = a.hash('server');
  await a.register(hash);
  const valid: Uint8Array[] = [];
  medium.tap = (bytes) => valid.push(bytes) > 0;
  const { flow } = await clock.run(b.allocate(hash, { qos: qosRaw, data: utf8('data') }));
  medium.tap = () => true;

  const { code, dEid, sEid } = udpManagementLayout.at;
  const scratch = new Uint8Array(4096);
  const start = performance.now();
  let last = 0;
  for (let i = 0; i < DATAGRAMS; i++) {
    const base = valid[random.int(valid.length)]!;
    scratch.fill(0, 0, 128);
    scratch.set(base);
    let length = base.length;
    for (let changes = random.int(4); changes >= 0; changes--) {
      const what = random.int(8);
      if (what === 0) length = random.int(length + 1);
      else if (what === 1) length = Math.min(scratch.length, length + random.int(2100));
      else if (what === 2) code.set(scratch, 0, random.int(256));
      else if (what === 3) code.set(scratch, 0, ExtensionCode.close + random.int(8));
      else if (what === 4) dEid.set(scratch, 0, random.int(2 ** 31));
      else if (what === 5) sEid.set(scratch, 0, random.int(200));
      else if (what === 6) scratch[random.int(4)] = random.int(256);
      else scratch[random.int(length + 1)] = random.int(256);
    }
    tap.events!.datagram(scratch, 0, length, stranger, 0);
    // Timers of what was let in.
    if (i % 100_000 === 0) await clock.advance(20_000);
    last = length;
  }
  const seconds = (performance.now() - start) / 1000;
  expect(last).toBeGreaterThanOrEqual(0);
  expect(seconds).toBeLessThan(40);

  const { status } = a;
  for (const kind of ['short', 'code', 'trailing', 'packets for no flow'])
    expect(status[kind]).toBeGreaterThan(1000);
  expect(status['requests that wait']).toBeLessThanOrEqual(1024);
  expect(status.peers).toBeLessThanOrEqual(4096);
  expect(status.flows).toBe(1);
  const arrived = collect(server!);
  flow.write(utf8('still here'));
  await clock.until(() => arrived.length === 1, 'A packet');
  expect(toHex(arrived[0]!)).toBe(toHex(utf8('still here')));
  await clock.run(Promise.all([a.close(), b.close()]));
}, 60_000);
