import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type OuroError, qosRaw } from '#lib/core/index.ts';
import { FlowEvent } from '#lib/layer/index.ts';
import { os } from '#lib/os/index.ts';
import { createRing } from './create-ring.ts';
import { Access, controlStartWord, controlWord, dataStart } from './layout.ts';
import { RingFlow } from './ring-flow.ts';
import { RingPair } from './ring-pair.ts';

const open: RingFlow[] = [];
afterEach(() => {
  for (const flow of open.splice(0)) flow.dealloc();
});

function pair(config: ConstructorParameters<typeof RingPair>[0] = {}) {
  const made = new RingPair(config);
  open.push(made.a, made.b);
  return made;
}

/** Next event of a flow. */
const event = (flow: RingFlow) => new Promise<FlowEvent>((done) => flow.onEvent(done));
const readable = (flow: RingFlow) => new Promise<void>((done) => flow.onReadable(done));
const writable = (flow: RingFlow) => new Promise<void>((done) => flow.onWritable(done));
const turn = () => new Promise<void>((done) => setImmediate(done));

function thrown(fn: () => unknown): Partial<OuroError> {
  try {
    fn();
  } catch (error) {
    return error as OuroError;
  }
  return {};
}

describe('a flow', () => {
  test('keeps packets and their boundaries, both ways', async () => {
    const { a, b } = pair();
    const arrived = readable(b);
    expect(a.write(new Uint8Array([1, 2, 3]))).toBe(true);
    expect(a.write(new Uint8Array(0))).toBe(true);
    expect(a.write(new Uint8Array([4]))).toBe(true);
    await arrived;
    expect(b.read()).toEqual(new Uint8Array([1, 2, 3]));
    expect(b.read()).toEqual(new Uint8Array([4]));
    expect(b.read()).toBeUndefined();
    const back = readable(a);
    b.write(new Uint8Array([9]));
    await back;
    expect(a.read()).toEqual(new Uint8Array([9]));
    expect(b.stats).toMatchObject({ packetsIn: 2, bytesIn: 4, packetsOut: 1, keepalives: 1 });
  });

  test('data that came before anybody listened is announced', async () => {
    const { a, b } = pair();
    a.write(new Uint8Array([7]));
    await turn();
    await readable(b);
    expect(b.read()).toEqual(new Uint8Array([7]));
  });

  test('a reader that takes one packet at a time misses none', async () => {
    const { a, b } = pair();
    for (let i = 0; i < 5; i++) {
      const arrived = readable(b);
      a.write(new Uint8Array([i]));
      await arrived;
      expect(b.read()).toEqual(new Uint8Array([i]));
      await turn();
    }
  });

  test('a full ring says so, and wakes its writer', async () => {
    const { a, b } = pair({ ringBytes: 4096, mtu: 1000 });
    const packet = new Uint8Array(1000);
    let written = 0;
    while (a.write(packet)) written++;
    expect(written).toBe(4);
    const space = writable(a);
    for (let n = 0; n < written; n++) expect(b.read()?.length).toBe(1000);
    await space;
    expect(a.write(packet)).toBe(true);
  });

  test('who asks for space later is told, too', async () => {
    const { a, b } = pair({ ringBytes: 4096, mtu: 1000 });
    while (a.write(new Uint8Array(1000)));
    while (b.read() !== undefined);
    await turn();
    await turn();
    await writable(a);
    expect(a.write(new Uint8Array(1000))).toBe(true);
  });

  test('random traffic arrives complete and in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 200 }),
        fc.integer({ min: 1, max: 17 }),
        async (sizes, perTurn) => {
          const { a, b } = pair({ ringBytes: 4096, mtu: 2000 });
          const packets = sizes.map((n, i) => new Uint8Array(n).fill(i & 255));
          const got: Uint8Array[] = [];
          const all = new Promise<void>((done) => {
            b.onReadable(() => {
              b.drain((memory, off, len) => {
                got.push(memory.slice(off, off + len));
                return true;
              }, perTurn);
              if (got.length === packets.length) done();
            });
          });
          let next = 0;
          const push = () => {
            next += a.writeBatch(packets, next);
          };
          a.onWritable(push);
          push();
          await all;
          expect(got.every((p, i) => Buffer.compare(p, packets[i]!) === 0)).toBe(true);
          a.dealloc();
          b.dealloc();
        },
      ),
      { seed: 3, numRuns: 40 },
    );
  });

  test('packets are made in place, as many as there is space for', async () => {
    const { a, b } = pair({ ringBytes: 4096 });
    const got: number[][] = [];
    let sent = 0;
    for (let round = 0; round < 30; round++) {
      const arrived = readable(b);
      const fitted = a.fill(100, 50, (memory, offset, index) => {
        memory[offset] = sent + index;
        memory[offset + 99] = 7;
      });
      expect(fitted).toBeGreaterThan(30);
      expect(fitted).toBeLessThanOrEqual(4096 / 112);
      sent += fitted;
      await arrived;
      b.drain((memory, offset, length) => {
        got.push([memory[offset]!, memory[offset + 99]!, length]);
        return true;
      });
    }
    expect(got).toEqual(Array.from({ length: sent }, (_, i) => [i & 0xff, 7, 100]));
    expect(thrown(() => a.fill(5000, 1, () => {})).code).toBe('EMSGSIZE');
  });

  test('drain may be called inside drain, for another flow', async () => {
    const [one, other] = [pair(), pair()];
    for (const flow of [one.a, other.a]) for (let i = 0; i < 3; i++) flow.write(Uint8Array.of(i));
    const seen: number[] = [];
    one.b.drain((memory, offset) => {
      seen.push(memory[offset]!);
      other.b.drain((inner, at) => {
        seen.push(10 + inner[at]!);
        return true;
      }, 1);
      return true;
    });
    expect(seen).toEqual([0, 10, 1, 11, 2, 12]);
  });

  test('drain keeps a packet that had nowhere to go, and lets others run', async () => {
    const { a, b } = pair();
    for (let i = 0; i < 10; i++) a.write(new Uint8Array([i]));
    expect(b.drain((m, off) => m[off] !== 3)).toBe(3);
    expect(b.read()).toEqual(new Uint8Array([3]));
    let calls = 0;
    const again = new Promise<void>((done) => {
      b.onReadable(() => {
        calls++;
        b.drain(() => true, 2);
        if (b.queued.toRead === 0) done();
      });
    });
    await again;
    expect(calls).toBe(3);
  });

  test('reserve, commit and flush put a packet together in place', async () => {
    const { a, b } = pair();
    const off = a.reserve(100);
    a.memory.set([1, 2], off);
    a.commit(2);
    expect(thrown(() => a.commit(2))).toMatchObject({ fault: 'usage' });
    expect(b.read()).toBeUndefined();
    a.flush();
    expect(b.read()).toEqual(new Uint8Array([1, 2]));
  });

  test('empty packets reach who passes them on', () => {
    const { memfd, bells } = createRing();
    const copy = os.dup(memfd, 0);
    const a = new RingFlow({}, { memfd, bell: bells[0], end: 0, qos: qosRaw });
    const config = {
      memfd: copy,
      bell: bells[1],
      end: 1,
      qos: qosRaw,
      deliverEmpty: true,
    } as const;
    const b = new RingFlow({}, config);
    open.push(a, b);
    a.write(new Uint8Array(0));
    a.write(new Uint8Array([1]));
    expect(b.read()).toEqual(new Uint8Array(0));
    expect(b.read()).toEqual(new Uint8Array([1]));
    expect(b.read()).toBeUndefined();
    expect(b.stats).toMatchObject({ packetsIn: 2, keepalives: 0 });
  });

  test('refuses what its contract says', () => {
    const { a, b } = pair({ ringBytes: 4096, mtu: 100 });
    expect(thrown(() => a.write(new Uint8Array(101)))).toMatchObject({ code: 'EMSGSIZE' });
    a.dealloc();
    a.dealloc();
    expect(thrown(() => a.write(new Uint8Array(1)))).toMatchObject({ code: 'ENOTALLOC' });
    expect(a.read()).toBeUndefined();
    expect(b.ended).toBe(false);
  });

  test('down, up and access mode reach the other end', async () => {
    const { a, b } = pair();
    const down = event(b);
    a.setState({ down: true, access: Access.writeOnly });
    expect(await down).toBe(FlowEvent.down);
    expect(b.peerState).toMatchObject({ down: true, access: Access.writeOnly });
    const up = event(b);
    a.setState({ down: false });
    expect(await up).toBe(FlowEvent.up);
    expect(b.peerState).toMatchObject({ down: false, access: Access.writeOnly });
  });

  test('an idle flow gives its pages back and still works', async () => {
    const { a, b } = pair();
    a.write(new Uint8Array(60_000).fill(1));
    a.trim();
    expect(b.read()?.[59_999]).toBe(1);
    a.trim();
    a.write(new Uint8Array([5]));
    expect(b.read()).toEqual(new Uint8Array([5]));
  });
});

describe('the end of a flow', () => {
  test('comes after what was queued', async () => {
    const { a, b } = pair();
    a.write(new Uint8Array([1]));
    a.write(new Uint8Array([2]));
    const events: FlowEvent[] = [];
    b.onEvent((e) => events.push(e));
    const arrived = readable(b);
    a.dealloc();
    await arrived;
    expect(b.read()).toEqual(new Uint8Array([1]));
    await turn();
    await turn();
    expect(events).toEqual([]);
    expect(thrown(() => b.write(new Uint8Array(1)))).toMatchObject({ code: 'EFLOWDOWN' });
    expect(b.read()).toEqual(new Uint8Array([2]));
    const end = event(b);
    expect(b.read()).toBeUndefined();
    expect(await end).toBe(FlowEvent.dealloc);
    expect(b.failure).toBeUndefined();
  });

  test('wakes a writer that waits for space', async () => {
    const { a, b } = pair({ ringBytes: 4096 });
    while (a.write(new Uint8Array(500)));
    const space = writable(a);
    b.dealloc();
    await space;
    expect(thrown(() => a.write(new Uint8Array(1)))).toMatchObject({ code: 'EFLOWDOWN' });
  });

  test('is told to who asks later', async () => {
    const { a, b } = pair();
    a.dealloc();
    await turn();
    await turn();
    expect(await event(b)).toBe(FlowEvent.dealloc);
  });

  test('that is not orderly is told apart', async () => {
    const { a, b } = pair();
    a.write(new Uint8Array([1]));
    a.dealloc('lost');
    await turn();
    await turn();
    expect(thrown(() => b.write(new Uint8Array(1)))).toMatchObject({ code: 'EFLOWPEER' });
    const end = event(b);
    expect([b.read(), b.read()]).toEqual([new Uint8Array([1]), undefined]);
    expect(await end).toBe(FlowEvent.peer);
  });

  test('may be made inside any callback', async () => {
    for (const on of ['onReadable', 'onEvent', 'onWritable'] as const) {
      const { a, b } = pair({ ringBytes: 4096 });
      while (b.write(new Uint8Array(500)));
      a.write(new Uint8Array([1]));
      const done = new Promise<void>((resolve) => {
        b[on](() => {
          b.dealloc();
          resolve();
        });
      });
      if (on === 'onEvent') a.setState({ down: true });
      while (a.read() !== undefined);
      await done;
      expect(await event(a)).toBe(FlowEvent.dealloc);
    }
  });

  test('leaves no descriptor and no mapping, ten thousand times', () => {
    const count = () => ({
      fds: readdirSync('/proc/self/fd').length,
      maps: readFileSync('/proc/self/maps', 'utf8').split('ouro-flow').length,
    });
    const before = count();
    for (let i = 0; i < 10_000; i++) {
      const { a, b } = new RingPair({ ringBytes: 65_536 });
      if (i % 100 === 0) a.write(new Uint8Array(100));
      a.dealloc();
      b.dealloc();
    }
    expect(count()).toEqual(before);
  });
});

describe('an end that lies', () => {
  /** A flow, and the memory of its peer to scribble in. */
  function victim() {
    const { memfd, bells } = createRing({ ringBytes: 4096, mtu: 1000 });
    const buffer = os.mmapFd(memfd, 4096 * 3) as ArrayBuffer;
    const flow = new RingFlow({}, { memfd, bell: bells[0], end: 0, qos: qosRaw });
    open.push(flow);
    const words = new Int32Array(buffer);
    const ring = () => os.send(bells[1], new Uint8Array([1]), 0, 1);
    return { flow, words, ring, bell: bells[1] };
  }
  const theirs = controlStartWord(1);

  test('about data ends the flow', async () => {
    const { flow, words, ring, bell } = victim();
    const end = event(flow);
    words[dataStart(1, 4096) / 4] = 1001;
    Atomics.store(words, theirs + controlWord.head, 2048);
    ring();
    expect(await end).toBe(FlowEvent.peer);
    expect(flow.failure).toMatchObject({ code: 'EPROTO', fault: 'peer' });
    expect(flow.read()).toBeUndefined();
    expect(thrown(() => flow.write(new Uint8Array(1)))).toMatchObject({ code: 'EFLOWPEER' });
    expect(os.recv(bell, new Uint8Array(1), 0, 1)).toBe(0);
    os.close(bell);
  });

  test('about space ends the flow', async () => {
    const { flow, words, bell } = victim();
    while (flow.write(new Uint8Array(900)));
    const end = event(flow);
    Atomics.store(words, controlStartWord(0) + controlWord.tail, 4088 * 2);
    expect(thrown(() => flow.write(new Uint8Array(900)))).toMatchObject({ code: 'EFLOWPEER' });
    expect(await end).toBe(FlowEvent.peer);
    os.close(bell);
  });

  test('at random never throws, nor reads outside', async () => {
    const words = fc.array(
      fc.tuple(fc.nat(1100), fc.oneof(fc.integer(), fc.nat(8192), fc.constant(-1))),
      { minLength: 1, maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(words, async (scribbles) => {
        const { flow, words, ring, bell } = victim();
        flow.onReadable(() => {
          for (let p = flow.read(); p !== undefined; p = flow.read()) {
            expect(p.length).toBeLessThanOrEqual(1000);
          }
        });
        flow.onEvent(() => {});
        for (const [at, value] of scribbles) {
          // The header and control blocks, then the start of the peer's ring.
          words[at < 300 ? at : at - 300 + dataStart(1, 4096) / 4] = value;
          ring();
          await turn();
          try {
            flow.write(new Uint8Array(at % 1000));
          } catch (error) {
            expect(error).toMatchObject({ code: 'EFLOWPEER' });
          }
        }
        flow.dealloc();
        os.close(bell);
      }),
      { seed: 5, numRuns: 100 },
    );
  });

  test('about the memory itself is refused', () => {
    const base = readdirSync('/proc/self/fd').length;
    const make = (memfd: number) => {
      const [bell, other] = os.socketpair('stream') as [number, number];
      os.close(other);
      return thrown(() => new RingFlow({}, { memfd, bell, end: 0, qos: qosRaw }));
    };
    expect(make(os.memfdCreate('ouro-flow', 4096 * 3))).toMatchObject({ fault: 'peer' });
    expect(make(os.memfdCreate('ouro-flow', 8))).toMatchObject({ fault: 'peer' });
    expect(make((os.socketpair('stream') as number[])[0]!)).toMatchObject({ fault: 'peer' });
    const header = new Int32Array([0x4f52494e, 1, 1 << 20, 1000]);
    const short = os.memfdCreate('ouro-flow', 4096 * 3, new Uint8Array(header.buffer));
    expect(make(short)).toMatchObject({ fault: 'peer' });
    expect(readdirSync('/proc/self/fd').length).toBe(base + 1);
  });
});
