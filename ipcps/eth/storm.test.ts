/** Too many questions, and answers that come late, twice, or from nobody that was asked. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { noBytes, qosRaw, silentLogger, utf8 } from '#lib/core/index.ts';
import { type Flow, FlowEvent, type FlowRequest } from '#lib/layer/index.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { isRejected } from '#lib/wire/index.ts';
import { EthLayer } from './eth-layer.ts';
import { SimulatedWire } from './testing/simulated-wire.ts';
import { dixWire, mark } from './wire.ts';

const wire = dixWire();
const { format } = wire;
let clock: SimClock;
let medium: SimulatedWire;
let a: EthLayer;
let b: EthLayer;

beforeEach(async () => {
  clock = new SimClock();
  medium = new SimulatedWire({ clock, random: new SeededRandom(1) }, { delay: 1 });
  const member = (n: number) =>
    new EthLayer(
      { clock, random: new SeededRandom(n), port: medium.attach(), log: silentLogger },
      { name: 'ethernet', hash: 'SHA3-256', wire },
    );
  [a, b] = [member(1), member(2)];
  b.onRequest((r) => r.accept());
  await b.register(b.hash('server'));
});
afterEach(async () => {
  for (const layer of [a, b]) await clock.run(layer.close());
});

/** Kinds of management messages on the wire from now on. */
function listen(): string[] {
  const kinds: string[] = [];
  medium.tap = (frame) => {
    const end = format.headerBytes + format.payloadBytes(frame, 0);
    if (!format.isManagement(frame, 0)) return true;
    const message = format.management.decode(frame, format.headerBytes, end, 32);
    kinds.push(isRejected(message) ? 'extension' : message.kind);
    return true;
  };
  return kinds;
}

function say(to: number, from: number, payload: Uint8Array): void {
  const mac = (n: number) => Uint8Array.of(2, 0, 0, 0, 0, n);
  const header = format.header(mac(to), mac(from), format.managementEnds);
  format.setPayloadBytes(header, 0, payload.length);
  medium.ports[to - 1]!.inject(Uint8Array.of(...header, ...payload));
}

function named(kind: 'name-query' | 'name-reply', name: string, marked = false): Uint8Array {
  const message = format.management.encode({ kind, hash: a.hash(name) });
  if (marked) mark(wire, kind, message);
  return message;
}

describe('a storm of queries', () => {
  it('of C nodes is answered as far as answers can wait, and the rest is counted', async () => {
    const kinds = listen();
    for (let i = 0; i < 10_000; i++) say(2, 9, named('name-query', 'server'));
    await clock.advance(10);
    expect(kinds).toEqual(new Array(256).fill('name-reply'));
    expect(b.status().refused).toBe(10_000 - 256);
    say(2, 9, named('name-query', 'server'));
    await clock.advance(10);
    expect(kinds.length).toBe(257);
  });

  it('of nodes of ours is answered one by one, and keeps nothing of those who ask', async () => {
    const kinds = listen();
    for (let i = 0; i < 10_000; i++) say(2, 10 + (i % 200), named('name-query', 'server', true));
    await clock.settle();
    expect(kinds.length).toBe(10_000);
    expect((await clock.run(a.allocate(a.hash('server'), { qos: qosRaw }))).data).toEqual(noBytes);
  });

  it('for names that are not here is not answered at all', async () => {
    const kinds = listen();
    for (let i = 0; i < 10_000; i++) say(2, 9, named('name-query', `name ${i}`, i % 2 === 0));
    await clock.advance(10);
    expect([kinds, b.status()['names elsewhere']]).toEqual([[], 0]);
  });

  it('of our own is bounded, and names that are there are found meanwhile', async () => {
    const kinds = listen();
    const asking = Array.from({ length: 3000 }, (_, i) => a.query(a.hash(`name ${i}`), 500));
    await clock.settle();
    expect(kinds.length).toBe(1024);
    expect(await clock.run(Promise.all(asking))).toEqual(new Array(3000).fill(false));
    await clock.advance(3000);
    expect(await clock.run(a.query(a.hash('server')))).toBe(true);
  });
});

describe('an answer', () => {
  it('to a query that is over is not believed', async () => {
    await clock.run(a.query(a.hash('nobody'), 100));
    await clock.advance(3000);
    say(1, 9, named('name-reply', 'nobody'));
    expect(a.status()).toMatchObject({ 'names elsewhere': 0, unexpected: 1 });
  });

  it('that comes after the time is up finds a flow that ends on both sides', async () => {
    const requests: FlowRequest[] = [];
    b.onRequest((r) => requests.push(r));
    const asking = a.allocate(a.hash('server'), { qos: qosRaw, timeout: 1000 });
    await expect(clock.run(asking)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await clock.advance(500);
    const flow = requests[0]!.accept();
    expect(() => flow.write(utf8('x'))).toThrow(expect.objectContaining({ fault: 'peer' }));
    flow.dealloc();
    await clock.advance(20_000);
    expect([a.status().flows, b.status().flows]).toEqual([0, 0]);
  });

  it('that comes twice, or hours later, changes nothing', async () => {
    const replies: Uint8Array[] = [];
    medium.tap = (frame, from) => {
      if (from === medium.ports[1] && format.isManagement(frame, 0)) replies.push(frame);
      return true;
    };
    let server: Flow | undefined;
    b.onRequest((r) => {
      server = r.accept();
    });
    const { flow } = await clock.run(a.allocate(a.hash('server'), { qos: qosRaw }));
    const ended: string[] = [];
    flow.onEvent((event) => event === FlowEvent.dealloc && ended.push('client'));
    server!.onEvent((event) => event === FlowEvent.dealloc && ended.push('server'));
    const again = () => {
      for (const frame of [...replies]) medium.ports[0]!.inject(frame);
    };
    again();
    await clock.advance(3_600_000);
    again();
    await clock.advance(1000);
    flow.write(utf8('still here'));
    await clock.advance(10);
    expect([ended, Buffer.from(server!.read()!).toString()]).toEqual([[], 'still here']);
    expect(a.status().unexpected).toBeGreaterThanOrEqual(replies.length - 2);
  });

  it('of a C node that comes twice or late neither moves nor makes a flow', async () => {
    const sent: Uint8Array[] = [];
    medium.tap = (frame) => sent.push(frame) > 0;
    const asking = a.allocate(a.hash('theirs'), { qos: qosRaw, timeout: 5000 });
    await clock.settle();
    say(1, 9, named('name-reply', 'theirs'));
    await clock.settle();
    const request = sent.at(-1)!;
    const number = format.management.decode(request, format.headerBytes, request.length, 32);
    if (isRejected(number) || number.kind !== 'flow-request') throw new RangeError('No request');
    const reply = (source: number) =>
      format.management.encode({
        kind: 'flow-reply',
        source,
        destination: number.source,
        response: 0,
        data: noBytes,
      });
    say(1, 9, reply(64));
    const { flow } = await clock.run(asking);
    say(1, 9, reply(65));
    flow.write(utf8('x'));
    expect(format.destination(sent.at(-1)!, 0)).toBe(64);
    flow.dealloc();
    const before = sent.length;
    say(1, 9, reply(66));
    await clock.advance(60_000);
    expect([sent.length, a.status().flows, a.status().unexpected]).toEqual([before, 0, 2]);
  });
});
