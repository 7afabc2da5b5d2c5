import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Clock, noBytes, qosRaw, realClock, utf8 } from '#lib/core/index.ts';
import { FlowEvent } from '#lib/layer/index.ts';
import { os, SharedMapping } from '#lib/os/index.ts';
import { createRing, RingFlow } from '#lib/ring/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { type FlowPair, type FlowPairConfig, flowPair } from './fixtures/flow-pair.ts';
import { FlowFlag } from './flags.ts';
import { Flow } from './flow.ts';

const open: FlowPair[] = [];
function pair(config: FlowPairConfig = {}, clock: Clock = realClock): FlowPair {
  const made = flowPair(clock, config);
  open.push(made);
  return made;
}
afterEach(async () => {
  for (const { a, b } of open.splice(0)) {
    await a[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
  }
});

const text = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString();
/** State changes are heard by a bell, which takes turns of the event loop. */
async function turns(until: () => boolean): Promise<void> {
  while (!until()) await new Promise((resolve) => setImmediate(resolve));
}
function mayWrite(flow: Flow): boolean {
  try {
    return flow.tryWrite(noBytes);
  } catch {
    return false;
  }
}
const code = (code: string) => expect.objectContaining({ code });

describe('packets', () => {
  it('keep their boundaries in both directions', async () => {
    const { a, b } = pair();
    await a.write(utf8('one'));
    await a.write(utf8('two!'));
    await b.write(utf8('back'));
    expect(text(await b.read())).toBe('one');
    expect(text(await b.read())).toBe('two!');
    expect(b.tryRead()).toBeUndefined();
    expect(text(await a.read())).toBe('back');
  });

  it('wake a read that waits, in order of the reads', async () => {
    const { a, b } = pair();
    const reads = [b.read(), b.read(), b.read()];
    expect(a.writeBatch([utf8('1'), utf8('2'), utf8('3')])).toBe(3);
    expect((await Promise.all(reads)).map(text)).toEqual(['1', '2', '3']);
  });

  it('wait for space and lose nothing, whatever their sizes', async () => {
    const { a, b } = pair({ ringBytes: 4096, mtu: 1000 });
    const sizes = Array.from({ length: 300 }, (_, i) => 1 + ((i * 337) % 1000));
    const sent = sizes.map((n, i) => new Uint8Array(n).fill(i));
    const writing = a.writeAll(sent);
    let got = 0;
    for await (const packet of b) {
      expect(Buffer.compare(packet, sent[got]!)).toBe(0);
      if (++got === sent.length) break;
    }
    await writing;
    expect(b.state).toBe('up');
  });

  it('are handed out in batches without copying', async () => {
    const { a, b } = pair();
    a.writeBatch(['x', 'yy', 'zzz'].map(utf8));
    await b.readable();
    const seen: string[] = [];
    const visit = (memory: Uint8Array, offset: number, length: number) => {
      if (length === 3) return false;
      seen.push(Buffer.from(memory.subarray(offset, offset + length)).toString());
    };
    expect(b.drain(visit)).toBe(2);
    expect(seen).toEqual(['x', 'yy']);
    expect(text(b.tryRead())).toBe('zzz');
  });

  it('above the MTU are refused', async () => {
    const { a } = pair({ ringBytes: 4096, mtu: 100 });
    expect(a.mtu).toBe(100);
    await expect(a.write(new Uint8Array(101))).rejects.toEqual(code('EMSGSIZE'));
    expect(() => a.tryWrite(new Uint8Array(101))).toThrow(
      'Packet of 101 bytes, the flow takes 100',
    );
    expect(a.tryWrite(new Uint8Array(100))).toBe(true);
  });

  it('of length 0 reach nobody', async () => {
    const { a, b } = pair();
    await a.write(new Uint8Array(0));
    await a.write(utf8('x'));
    expect(text(await b.read())).toBe('x');
  });

  it('leave turns of the event loop to others, however many wait', async () => {
    const { a, b } = pair();
    let turns = 0;
    let busy = true;
    const count = () => {
      turns++;
      if (busy) setImmediate(count);
    };
    setImmediate(count);
    for (let i = 0; i < 2000; i++) {
      await a.write(utf8('x'));
      await b.read();
    }
    busy = false;
    expect(turns).toBeGreaterThan(10);
  });
});

describe('partial reads', () => {
  it('give a packet in pieces, and an empty read after an exact one', async () => {
    const { a, b } = pair();
    const into = new Uint8Array(4);
    await a.write(utf8('0123456789'));
    await a.write(utf8('abcd'));
    await a.write(utf8('xyz'));
    const got: (string | undefined)[] = [];
    for (let i = 0; i < 6; i++) got.push(text(await b.read({ into })));
    expect(got).toEqual(['0123', '4567', '89', 'abcd', '', 'xyz']);
    expect(b.tryRead(into)).toBeUndefined();
  });

  it('with FLOWFRNOPART drop what does not fit, and only that', async () => {
    const { a, b } = pair();
    b.flags |= FlowFlag.FLOWFRNOPART;
    const into = new Uint8Array(4);
    a.writeBatch(['01234', 'abcd', 'x'].map(utf8));
    await expect(b.read({ into })).rejects.toEqual(code('EMSGSIZE'));
    expect(text(await b.read({ into }))).toBe('abcd');
    expect(text(await b.read({ into }))).toBe('x');
  });

  it('let the rest be read without a buffer, and iteration go past the end of the packet', async () => {
    const { a, b } = pair();
    a.writeBatch(['01234', 'abcd', 'next'].map(utf8));
    const into = new Uint8Array(4);
    await b.read({ into });
    expect(b.queued.toRead).toBeGreaterThan(0);
    expect(text(await b.read())).toBe('4');
    expect(text(await b.read({ into }))).toBe('abcd');
    for await (const packet of b) {
      expect(text(packet)).toBe('next');
      break;
    }
  });

  it('lose and invent nothing, for any packets and buffers', async () => {
    const packets = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(packets, fc.integer({ min: 1, max: 50 }), async (sent, size) => {
        const { a, b } = flowPair(realClock, { ringBytes: 4096 });
        a.writeBatch(sent);
        const into = new Uint8Array(size);
        for (const packet of sent) {
          const pieces: number[] = [];
          for (;;) {
            const piece = await b.read({ into });
            pieces.push(...piece);
            if (piece.length < size) break;
          }
          expect(pieces).toEqual([...packet]);
        }
        await a.dealloc();
        await b.dealloc();
      }),
      { seed: 3, numRuns: 50 },
    );
  });
});

describe('waiting', () => {
  it('ends by a time-out of the call or of the flow', async () => {
    const clock = new SimClock();
    const { a } = pair({}, clock);
    const call = a.read({ timeout: 30 });
    a.readTimeout = 50;
    const flow = a.read();
    void clock.advance(30);
    await expect(call).rejects.toEqual(code('ETIMEDOUT'));
    void clock.advance(20);
    await expect(flow).rejects.toThrow('Read from flow 64 timed out after 50 ms');
  });

  it('ends by a signal, and leaves the packet to the next read', async () => {
    const { a, b } = pair();
    const abort = new AbortController();
    const first = b.read({ signal: abort.signal });
    const second = b.read();
    abort.abort();
    await expect(first).rejects.toEqual(code('ECANCELED'));
    await a.write(utf8('x'));
    expect(text(await second)).toBe('x');
    await expect(b.read({ signal: abort.signal })).rejects.toEqual(code('ECANCELED'));
  });

  it('does not happen for a non-blocking flow', async () => {
    const { a, b } = pair({ ringBytes: 4096, mtu: 1000 });
    a.flags |= FlowFlag.FLOWFRNOBLOCK | FlowFlag.FLOWFWNOBLOCK;
    await expect(a.read()).rejects.toEqual(code('EAGAIN'));
    while (a.tryWrite(new Uint8Array(1000)));
    await expect(a.write(new Uint8Array(1000))).rejects.toEqual(code('EAGAIN'));
    await b.read();
    await b.read();
    await a.writable(1000, {}).catch(() => {});
    await b.write(utf8('x'));
    expect(text(await a.read())).toBe('x');
  });

  it('of a write ends by its time-out; later writes keep their order', async () => {
    const clock = new SimClock();
    const { a, b } = pair({ ringBytes: 4096, mtu: 2000 }, clock);
    while (a.tryWrite(new Uint8Array(1000).fill(1)));
    const late = a.write(new Uint8Array(2000), { timeout: 10 });
    const then = a.write(new Uint8Array(500).fill(2));
    const last = a.write(new Uint8Array(10).fill(3));
    expect(a.tryWrite(utf8('pushy'))).toBe(false);
    void clock.advance(10);
    await expect(late).rejects.toEqual(code('ETIMEDOUT'));
    const sizes: number[] = [];
    while (sizes.at(-1) !== 10) sizes.push((await b.read()).length);
    await Promise.all([then, last]);
    expect(sizes).toEqual([1000, 1000, 1000, 1000, 500, 10].slice(-sizes.length));
    expect(sizes.slice(-2)).toEqual([500, 10]);
  });
});

describe('the end of a flow', () => {
  it('comes after queued packets: EFLOWDOWN, and the end of iteration', async () => {
    const { a, b, released } = pair();
    await a.write(utf8('last words'));
    await a.dealloc();
    expect(released).toEqual([64]);
    const got: (string | undefined)[] = [];
    for await (const packet of b) got.push(text(packet));
    expect(got).toEqual(['last words']);
    await expect(b.read()).rejects.toThrow('Flow 65 is down: the other end has deallocated it');
    await expect(b.write(utf8('x'))).rejects.toEqual(code('EFLOWDOWN'));
    expect(b.state).toBe('closed');
  });

  it('wakes reads and writes that wait', async () => {
    const { a, b } = pair({ ringBytes: 4096, mtu: 1000 });
    while (a.tryWrite(new Uint8Array(1000)));
    const read = a.read();
    const write = a.write(new Uint8Array(1000));
    await b.dealloc();
    await expect(read).rejects.toEqual(code('EFLOWDOWN'));
    await expect(write).rejects.toEqual(code('EFLOWDOWN'));
  });

  it('by us makes every call ENOTALLOC, the second dealloc too', async () => {
    const { a } = pair();
    const read = a.read();
    const iteration = a[Symbol.asyncIterator]().next();
    await a.dealloc();
    await expect(read).rejects.toEqual(code('ENOTALLOC'));
    expect(await iteration).toEqual({ done: true, value: undefined });
    await expect(a.read()).rejects.toEqual(code('ENOTALLOC'));
    await expect(a.write(utf8('x'))).rejects.toEqual(code('ENOTALLOC'));
    expect(() => a.drain(() => true)).toThrow(code('ENOTALLOC'));
    await expect(a.dealloc()).rejects.toEqual(code('ENOTALLOC'));
    await a[Symbol.asyncDispose]();
    expect(a.poll()).toBe(false);
  });

  it('without a goodbye is EFLOWPEER, after queued packets', async () => {
    const { flow, die } = lonelyFlow();
    const events: FlowEvent[] = [];
    flow.observe({ event: (_f, type) => events.push(type) });
    die();
    expect(text(await flow.read())).toBe('x');
    await expect(flow.read()).rejects.toThrow('Flow 64 is lost: the other end died');
    await expect(flow.write(utf8('x'))).rejects.toEqual(code('EFLOWPEER'));
    await expect(flow[Symbol.asyncIterator]().next()).rejects.toEqual(code('EFLOWPEER'));
    expect(flow.state).toBe('lost');
    expect(events).toEqual([FlowEvent.peer]);
    await flow.dealloc();
  });
});

describe('flags', () => {
  it('forbid one direction at both ends', async () => {
    const { a, b } = pair();
    const wake = b.read();
    a.flags = FlowFlag.FLOWFRDONLY | FlowFlag.FLOWFWNOPART;
    await expect(a.write(utf8('x'))).rejects.toThrow('Flow 64 is read-only');
    await expect(wake).rejects.toThrow('Flow 65 is read-only at the other end');
    await b.write(utf8('x'));
    expect(text(await a.read())).toBe('x');
    a.flags = FlowFlag.FLOWFWRONLY;
    await expect(a.read()).rejects.toEqual(code('EPERM'));
    await expect(a.write(utf8('y'))).resolves.toBeUndefined();
    expect(text(await b.read())).toBe('y');
    await turns(() => b.state === 'up' && !mayWrite(b));
    expect(() => b.tryWrite(utf8('x'))).toThrow('Flow 65 is write-only at the other end');
    expect(() => {
      a.flags = 3;
    }).toThrow('no such flags: 03');
  });

  it('tell the other end when a flow goes down and up, and only then', async () => {
    const { a, b } = pair();
    const events: FlowEvent[] = [];
    let changed = () => {};
    b.observe({
      event: (_flow, type) => {
        events.push(type);
        changed();
      },
    });
    const change = () =>
      new Promise<void>((r) => {
        changed = r;
      });
    await a.write(utf8('x'));
    let next = change();
    a.flags |= FlowFlag.FLOWFDOWN;
    await next;
    expect(text(await b.read())).toBe('x');
    await expect(b.read()).rejects.toThrow('Flow 65 is down');
    await expect(a.write(utf8('x'))).rejects.toEqual(code('EFLOWDOWN'));
    expect(b.state).toBe('down');
    const iteration = b[Symbol.asyncIterator]().next();
    next = change();
    a.flags |= FlowFlag.FLOWFRNOBLOCK;
    a.flags &= ~FlowFlag.FLOWFDOWN;
    await next;
    a.flags |= FlowFlag.FLOWFRNOPART;
    await a.write(utf8('again'));
    expect(text((await iteration).value as Uint8Array)).toBe('again');
    expect(events).toEqual([FlowEvent.down, FlowEvent.up]);
  });
});

describe('observers', () => {
  it('are told what waits already, and there is one at a time', async () => {
    const { a, b } = pair();
    await a.write(utf8('x'));
    const readable = new Promise<void>((resolve) => b.observe({ readable: () => resolve() }));
    expect(() => b.observe({})).toThrow(code('EPERM'));
    await readable;
    expect(text(b.tryRead())).toBe('x');
    b.observe(undefined);
    b.observe({});
  });

  it('hear of space, and of the end that came before them', async () => {
    const { a, b } = pair({ ringBytes: 4096, mtu: 1000 });
    const writable = new Promise<void>((resolve) => a.observe({ writable: () => resolve() }));
    while (a.tryWrite(new Uint8Array(1000)));
    while (b.tryRead() !== undefined);
    await writable;
    await b.dealloc();
    await expect(a.read()).rejects.toEqual(code('EFLOWDOWN'));
    a.observe(undefined);
    const events: FlowEvent[] = [];
    await new Promise<void>((resolve) =>
      a.observe({
        event: (_f, type) => {
          events.push(type);
          resolve();
        },
      }),
    );
    expect(events).toEqual([FlowEvent.dealloc]);
  });
});

describe('keepalives', () => {
  const qos = { ...qosRaw, timeout: 800 };

  it('keep a silent flow alive', async () => {
    const clock = new SimClock();
    const { a, b, rings } = pair({ qos, keepalive: true }, clock);
    for (let i = 0; i < 30; i++) {
      await clock.advance(100);
    }
    expect(rings.a.stats.keepalives).toBeGreaterThan(10);
    expect(rings.a.stats.keepalives).toBeLessThanOrEqual(15);
    expect([a.state, b.state]).toEqual(['up', 'up']);
  });

  it('that stop coming end it: EFLOWPEER, after queued packets', async () => {
    const clock = new SimClock();
    const { flow, die } = lonelyFlow(clock, { ...qos });
    const events: FlowEvent[] = [];
    flow.observe({ event: (_f, type) => events.push(type) });
    await clock.advance(700);
    expect(flow.state).toBe('up');
    await clock.advance(300);
    await expect(flow.write(utf8('x'))).rejects.toEqual(code('EFLOWPEER'));
    expect(text(await flow.read())).toBe('x');
    await expect(flow.read()).rejects.toThrow('nothing was heard for 800 ms');
    expect([flow.state, events]).toEqual(['lost', [FlowEvent.peer]]);
    await flow.dealloc();
    die();
    expect(clock.pending).toBe(0);
  });

  it('are not sent when the QoS has no time-out', async () => {
    const clock = new SimClock();
    const { rings } = pair({ qos: { ...qosRaw, timeout: 0 }, keepalive: true }, clock);
    await clock.advance(1_000_000);
    expect(rings.a.stats.packetsOut).toBe(0);
  });
});

/** A flow whose other end sent "x" and then only holds the bell, until it dies. */
function lonelyFlow(clock: Clock = realClock, qos = qosRaw) {
  const { memfd, bells } = createRing({ ringBytes: 4096 });
  const mapping = SharedMapping.ofFd(memfd, 3 * 4096);
  const words = new Int32Array(mapping.buffer);
  const record = 4096 + 4096;
  words[record / 4] = 1;
  new Uint8Array(mapping.buffer)[record + 8] = 'x'.charCodeAt(0);
  Atomics.store(words, 576 / 4, 16);
  const ring = new RingFlow({}, { memfd, bell: bells[0], end: 0, qos });
  const flow = new Flow(
    { ring, clock, release: async () => {} },
    { fd: 64, id: 1, name: 'x', data: noBytes, qos, keepalive: true },
  );
  const die = () => {
    os.close(bells[1]);
    mapping.close();
  };
  return { flow, die };
}
