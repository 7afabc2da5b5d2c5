/** Frames that are almost right: nothing may be thrown, ended, opened or kept because of them, and each is counted. */
import { describe, expect, it } from '@jest/globals';
import { qosRaw, silentLogger } from '#lib/core/index.ts';
import { type Flow, FlowEvent } from '#lib/layer/index.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { EthLayer } from './eth-layer.ts';
import { SimulatedWire } from './testing/simulated-wire.ts';
import { dixWire, type EthWire, llcWire } from './wire.ts';

const rounds = Number(process.env.OURO_FUZZ_FRAMES ?? 100_000);

/** Changes one thing, the kinds of things that go wrong: bits, lengths, ends, pieces of another frame. */
function mutate(random: SeededRandom, frame: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = frame.slice();
  const at = random.int(bytes.length);
  switch (random.int(6)) {
    case 0:
      bytes[at]! ^= 1 << random.int(8);
      return bytes;
    case 1:
      return bytes.subarray(0, at);
    case 2:
      return Uint8Array.of(...bytes, ...random.bytes(random.int(40)));
    case 3:
      bytes.set(random.bytes(Math.min(4, bytes.length - at)), at);
      return bytes;
    case 4:
      bytes.set(
        other.subarray(at, Math.min(other.length, bytes.length)),
        Math.min(at, other.length),
      );
      return bytes;
    default:
      // Somebody else's address.
      bytes[11] = 1 + random.int(255);
      return mutate(random, bytes.subarray(0, bytes.length), other);
  }
}

async function world(wire: EthWire, seed: number) {
  const clock = new SimClock();
  const medium = new SimulatedWire({ clock, random: new SeededRandom(seed) });
  const member = (n: number) =>
    new EthLayer(
      { clock, random: new SeededRandom(n), port: medium.attach(), log: silentLogger },
      { name: 'ethernet', hash: 'SHA3-256', wire },
    );
  const [a, b] = [member(1), member(2)];
  const corpus: Uint8Array[] = [];
  medium.tap = (frame, from) => {
    if (from === medium.ports[0] && corpus.length < 200) corpus.push(frame);
    return true;
  };
  const served: Flow[] = [];
  b.onRequest((r) => (served.length < 8 ? served.push(r.accept(r.data)) : r.reject(111)));
  await b.register(b.hash('server'));
  const flows: Flow[] = [];
  for (let i = 0; i < 8; i++) {
    const { flow } = await clock.run(a.allocate(a.hash('server'), { qos: qosRaw }));
    for (let n = 0; n < 5; n++) flow.write(random(n * 40));
    flows.push(flow);
  }
  await clock.settle();
  return { clock, medium, a, b, corpus, served, flows };
}

function random(length: number): Uint8Array {
  return new SeededRandom(length).bytes(length);
}

describe.each([
  ['eth-dix', () => dixWire()],
  ['eth-llc', llcWire],
] as const)('%s and forged frames', (_name, wire) => {
  it('is bothered by none, and goes on', async () => {
    const { clock, medium, a, b, corpus, served, flows } = await world(wire(), 5);
    const dice = new SeededRandom(11);
    const before = corpus.length;
    // From strangers: whoever has the peer's address can end a flow, but must know its token.
    const ended: string[] = [];
    for (const [i, flow] of served.entries())
      flow.onEvent((e) => e === FlowEvent.dealloc && ended.push(`server ${i}`));
    medium.tap = () => false;
    for (let i = 0; i < rounds; i++) {
      const [one, two] = [corpus[dice.int(before)]!, corpus[dice.int(before)]!];
      medium.ports[1]!.inject(mutate(dice, one, two));
      if (i % 1000 === 999) {
        for (const flow of served) while (flow.read() !== undefined);
        await clock.advance(10);
      }
    }
    expect(ended).toEqual([]);
    const status = b.status();
    const counted = Object.entries(status)
      .filter(([name]) => /rejected|unexpected|foreign|no flow/.test(name))
      .reduce((sum, [, count]) => sum + count, 0);
    expect(counted).toBeGreaterThan(rounds / 20);
    expect(status['names here']).toBe(1);

    medium.tap = undefined;
    for (const flow of served) while (flow.read() !== undefined);
    await clock.advance(3000);
    for (const [i, flow] of flows.entries()) {
      flow.write(Uint8Array.of(i));
      await clock.advance(5);
      const got: number[] = [];
      for (let p = served[i]!.read(); p !== undefined; p = served[i]!.read()) got.push(p[0] ?? -1);
      expect(got.at(-1)).toBe(i);
    }
    for (const layer of [a, b]) await clock.run(layer.close());
  }, 120_000);
});
