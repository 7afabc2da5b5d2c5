/** Towards a C node: its messages are taken, it gets only what it understands, and the hazards of its ways are avoided. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { copyBytes, Errno, noBytes, qosRaw, silentLogger, utf8 } from '#lib/core/index.ts';
import type { Flow, FlowRequest } from '#lib/layer/index.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { type EthManagementMessage, isRejected } from '#lib/wire/index.ts';
import { EthLayer } from './eth-layer.ts';
import { SimulatedWire } from './testing/simulated-wire.ts';
import { dixWire, type EthWire, llcWire } from './wire.ts';

const cMac = Uint8Array.of(2, 0, 0, 0, 0, 9);

/** What a C node sends and hears, by hand. */
function setup(wire: EthWire) {
  const clock = new SimClock();
  const medium = new SimulatedWire({ clock, random: new SeededRandom(1) });
  const port = medium.attach();
  const layer = new EthLayer(
    { clock, random: new SeededRandom(1), port, log: silentLogger },
    { name: 'ethernet', hash: 'SHA3-256', wire },
  );
  const { format } = wire;
  const heard: { message: EthManagementMessage; bytes: Uint8Array }[] = [];
  const data: Uint8Array[] = [];
  let odd = 0;
  medium.tap = (frame) => {
    const end = format.headerBytes + format.payloadBytes(frame, 0);
    if (!format.isManagement(frame, 0)) data.push(frame.slice(format.headerBytes, end));
    else {
      const message = format.management.decode(frame, format.headerBytes, end, 32);
      if (isRejected(message)) odd++;
      else heard.push({ message, bytes: frame.slice(format.headerBytes, end) });
    }
    return true;
  };
  const send = (ends: { destination: number; source: number }, payload: Uint8Array) => {
    const header = format.header(port.mac, cMac, ends);
    format.setPayloadBytes(header, 0, payload.length);
    port.inject(Uint8Array.of(...header, ...payload));
  };
  const say = (message: EthManagementMessage) =>
    send(format.managementEnds, format.management.encode(message));
  return { clock, layer, heard, data, send, say, odd: () => odd };
}
type Node = ReturnType<typeof setup>;

describe.each([
  ['eth-dix', () => dixWire(), 64],
  ['eth-llc', llcWire, 3],
] as const)('%s with a C node', (_name, wire, theirs) => {
  let node: Node;
  beforeEach(() => {
    node = setup(wire());
  });
  afterEach(async () => {
    await node.clock.run(node.layer.close());
    expect(node.odd()).toBe(0);
  });

  async function allocated(): Promise<{ flow: Flow; ours: number }> {
    const { clock, layer, heard, say } = node;
    const hash = layer.hash('server');
    const flow = layer.allocate(hash, { qos: qosRaw, data: utf8('oap') });
    await clock.settle();
    expect(heard.at(-1)?.message.kind).toBe('name-query');
    say({ kind: 'name-reply', hash });
    await clock.settle();
    const request = heard.at(-1)!.message;
    if (request.kind !== 'flow-request') throw new TypeError('not a request');
    say({
      kind: 'flow-reply',
      source: theirs,
      destination: request.source,
      response: 0,
      data: utf8('back'),
    });
    const reply = await clock.run(flow);
    expect(Buffer.from(reply.data).toString()).toBe('back');
    return { flow: reply.flow, ours: request.source };
  }

  it('asks once, carries packets, and sends nothing at the end', async () => {
    const { clock, heard, data, send, layer } = node;
    const { flow, ours } = await allocated();
    flow.write(utf8('hello'));
    flow.write(noBytes);
    expect(data.map((p) => Buffer.from(p).toString())).toEqual(['hello', '']);
    send({ destination: ours, source: theirs }, utf8('hi'));
    expect(Buffer.from(flow.read()!).toString()).toBe('hi');
    for (let i = 0; i < 2000; i++) expect(flow.write(utf8('x'))).toBe(true);
    flow.dealloc();
    await clock.advance(60_000);
    expect(heard.map((h) => h.message.kind)).toEqual(['name-query', 'flow-request']);
    expect(layer.status()).toMatchObject({ flows: 0, 'resting endpoints': 1 });
  });

  it('takes a reply and packets from the peer only', async () => {
    const { send, layer, say } = node;
    const { flow, ours } = await allocated();
    say({
      kind: 'flow-reply',
      source: theirs + 1,
      destination: ours,
      response: 0,
      data: noBytes,
    });
    expect(layer.status().unexpected).toBe(1);
    cMac[5] = 8;
    send({ destination: ours, source: theirs }, utf8('forged'));
    cMac[5] = 9;
    expect([flow.read(), layer.status().foreign]).toEqual([undefined, 1]);
  });

  it('passes its refusal on', async () => {
    const { clock, heard, layer, say } = node;
    const hash = layer.hash('server');
    const flow = layer.allocate(hash, { qos: qosRaw });
    flow.catch(() => {});
    await clock.settle();
    say({ kind: 'name-reply', hash });
    await clock.settle();
    const { message } = heard.at(-1)!;
    const destination = message.kind === 'flow-request' ? message.source : 0;
    const response = -Errno.EAUTH;
    say({ kind: 'flow-reply', source: theirs, destination, response, data: noBytes });
    await expect(clock.run(flow)).rejects.toMatchObject({ code: 'EAUTH' });
  });

  it('serves it: answers its query late enough, and its request once', async () => {
    const { clock, heard, layer, say, data, send } = node;
    const requests: FlowRequest[] = [];
    layer.onRequest((r) => requests.push(r));
    const hash = layer.hash('server');
    await layer.register(hash);
    say({ kind: 'name-query', hash });
    expect(heard).toEqual([]);
    await clock.advance(2);
    expect(heard.map((h) => h.message.kind)).toEqual(['name-reply']);
    const request = {
      kind: 'flow-request',
      source: theirs,
      qos: qosRaw,
      hash,
      data: utf8('oap'),
    } as const;
    say(request);
    say(request);
    expect(requests.length).toBe(1);
    const flow = requests[0]!.accept(utf8('answer'));
    say(request);
    await clock.advance(5000);
    expect(heard.map((h) => h.message.kind)).toEqual(['name-reply', 'flow-reply']);
    const reply = heard[1]!.message;
    if (reply.kind !== 'flow-reply') throw new TypeError('not a reply');
    expect([reply.destination, Buffer.from(reply.data).toString()]).toEqual([theirs, 'answer']);
    flow.write(utf8('x'));
    expect(data.length).toBe(1);
    send({ destination: reply.source, source: theirs }, utf8('y'));
    expect(flow.read()).toBeDefined();
  });

  it('ends the old flow when its number comes with a new request', async () => {
    const { layer, say, clock } = node;
    const flows: Flow[] = [];
    layer.onRequest((r) => flows.push(r.accept()));
    const hash = layer.hash('server');
    await layer.register(hash);
    for (const text of ['one', 'two'])
      say({ kind: 'flow-request', source: theirs, qos: qosRaw, hash, data: utf8(text) });
    await clock.settle();
    expect(() => flows[0]!.write(noBytes)).toThrow(expect.objectContaining({ code: 'EFLOWDOWN' }));
    expect(flows[1]!.write(noBytes)).toBe(true);
  });

  it('says nothing about names that it does not have, and gives no mark away in answers', async () => {
    const { layer, heard, say, clock } = node;
    const hash = layer.hash('server');
    say({ kind: 'name-query', hash });
    say({ kind: 'flow-request', source: theirs, qos: qosRaw, hash, data: utf8('oap') });
    await clock.advance(100);
    expect(heard).toEqual([]);
    await layer.register(hash);
    layer.onRequest((r) => r.reject(Errno.EIPCP));
    say({ kind: 'flow-request', source: theirs, qos: qosRaw, hash, data: utf8('oap') });
    const { format } = wire();
    const plain = format.management.encode({
      kind: 'flow-reply',
      source: 0,
      destination: theirs,
      response: -Errno.EIPCP,
      data: noBytes,
    });
    expect(heard.map((h) => copyBytes(h.bytes))).toEqual([plain]);
  });
});
