import { describe, expect, it } from '@jest/globals';
import { qosRaw, utf8 } from '#lib/core/index.ts';
import { type FlowEnd, FlowEvent, inlinePair } from '#lib/layer/index.ts';
import { type RingFlow, RingPair } from '#lib/ring/index.ts';
import { failAt, SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { FlowPump, type PumpEnd } from './flow-pump.ts';
import type { Guard } from './ipcp.ts';

const open: Guard = (fn) => fn;

function setup({ ringBytes = 4096, queue = 8, mtu = 1000, ringMtu = 1000 } = {}) {
  const clock = new SimClock();
  const ring = new RingPair({ ringBytes, mtu: ringMtu });
  const [near, far] = inlinePair({ qos: qosRaw, mtu, queue });
  const ends: PumpEnd[] = [];
  const pump = new FlowPump({ ring: ring.b, flow: near, clock, guard: open }, (e) => ends.push(e));
  return { clock, program: ring.a, near, far, pump, ends };
}

/** Writes with back-pressure. */
function feed(flow: RingFlow | FlowEnd, packets: Uint8Array[]): void {
  let next = 0;
  const step = () => {
    while (next < packets.length && flow.write(packets[next]!)) next++;
  };
  flow.onWritable(step);
  step();
}

function drain(flow: RingFlow | FlowEnd): string[] {
  const got: string[] = [];
  flow.onReadable(() => {
    for (let p = flow.read(); p !== undefined; p = flow.read())
      got.push(Buffer.from(p).toString('hex'));
  });
  return got;
}

const hex = (packets: Uint8Array[]) => packets.map((p) => Buffer.from(p).toString('hex'));

describe('FlowPump', () => {
  it('carries packets of any size both ways, through small rings and queues', async () => {
    const { clock, program, far } = setup();
    const random = new SeededRandom(5);
    const make = () => Array.from({ length: 700 }, () => random.bytes(1 + random.int(1000)));
    const [down, up] = [make(), make()];
    const [atFar, atProgram] = [drain(far), drain(program)];
    feed(program, down);
    feed(far, up);
    await clock.until(() => atFar.length === down.length && atProgram.length === up.length);
    expect(atFar).toEqual(hex(down));
    expect(atProgram).toEqual(hex(up));
    program.dealloc();
    far.dealloc();
  });

  it('takes packets where a layer received them, in order with those that had to wait', async () => {
    const { clock, program, near, ends } = setup();
    const random = new SeededRandom(6);
    const sent = Array.from({ length: 60 }, () => random.bytes(1 + random.int(600)));
    let direct = 0;
    let queued = 0;
    for (const packet of sent) {
      const place = Uint8Array.of(9, ...packet, 9);
      if (near.pass(place, 1, packet.length)) direct++;
      else if (near.deliver(packet)) queued++;
      else break;
      queueMicrotask(() => place.fill(0));
    }
    // The ring took some, then the queue was full.
    expect(direct).toBeGreaterThan(3);
    expect(queued).toBe(8);
    const atProgram = drain(program);
    await clock.until(() => atProgram.length === direct + queued);
    expect(atProgram).toEqual(hex(sent.slice(0, direct + queued)));
    expect(near.pass(utf8('last'), 0, 4)).toBe(true);
    near.peerGone();
    await clock.until(() => ends.length > 0 && atProgram.length === direct + queued + 1);
    expect(near.pass(utf8('late'), 0, 4)).toBe(false);
    program.dealloc();
  });

  it('takes runs of packets where a layer received them, as far as the ring has room', async () => {
    const { clock, program, near } = setup();
    const atProgram = drain(program);
    const sent: string[] = [];
    const random = new SeededRandom(7);
    for (let round = 0; round < 40; round++) {
      const [length, count] = [random.int(300), 1 + random.int(30)];
      const stride = length + 4;
      const bytes = random.bytes(count * stride);
      const taken = near.passRun({ bytes, offset: 4, stride, length, count });
      for (let i = 0; i < taken; i++) {
        const at = 4 + i * stride;
        if (length > 0) sent.push(Buffer.from(bytes.subarray(at, at + length)).toString('hex'));
      }
      // A ring of 4 KiB that is empty has room for this many, but for a filler at its end.
      expect(taken).toBeGreaterThanOrEqual(Math.min(count, Math.floor(2048 / (length + 16))));
      await clock.until(() => atProgram.length === sent.length);
    }
    expect(atProgram).toEqual(sent);
    expect(
      near.passRun({
        bytes: new Uint8Array(2000),
        offset: 0,
        stride: 1001,
        length: 1001,
        count: 1,
      }),
    ).toBe(0);
    program.dealloc();
  });

  it('carries on its own packets after a layer called another pump in between', async () => {
    const clock = new SimClock();
    const rig = (inside: () => void) => {
      const ring = new RingPair();
      const [flow, far] = inlinePair({ qos: qosRaw, mtu: 1000, queue: 8 });
      let writable = () => {};
      flow.onWritable = (fn) => {
        if (fn !== undefined) writable = fn;
      };
      const { forward } = flow;
      flow.forward = (...args) => {
        inside();
        return forward.apply(flow, args);
      };
      const pump = new FlowPump({ ring: ring.b, flow, clock, guard: open }, () => {});
      return { program: ring.a, pump, got: drain(far), writable: () => writable() };
    };
    const lower = rig(() => {});
    const upper = rig(() => lower.writable());
    const packets = ['one', 'and two', '3'].map(utf8);
    lower.program.write(utf8('of another flow, and longer'));
    for (const packet of packets) upper.program.write(packet);
    upper.writable();
    await clock.settle();
    expect(upper.got).toEqual(hex(packets));
    expect(lower.got.length).toBe(1);
    for (const { pump, program } of [upper, lower]) {
      pump.stop();
      program.dealloc();
    }
  });

  it('holds back a writer whose reader does not read, on both sides', async () => {
    const { clock, program, far } = setup();
    const packet = new Uint8Array(500);
    const fill = async (flow: RingFlow | FlowEnd) => {
      let written = 0;
      for (let round = 0; round < 20; round++) {
        while (written < 10_000 && flow.write(packet)) written++;
        await clock.settle();
      }
      return written;
    };
    const [down, up] = [await fill(program), await fill(far)];
    expect(down).toBeLessThan(40);
    expect(up).toBeLessThan(40);
    const [atFar, atProgram] = [drain(far), drain(program)];
    await clock.until(() => atFar.length === down && atProgram.length === up);
    program.dealloc();
  });

  it('sends the last packets of a program that deallocates', async () => {
    const { clock, program, far, ends } = setup();
    const events: FlowEvent[] = [];
    far.onEvent((e) => events.push(e));
    const packets = Array.from({ length: 30 }, (_, i) => utf8(`packet ${i}`));
    for (const p of packets) expect(program.write(p)).toBe(true);
    program.dealloc();
    await clock.settle();
    expect(events).toEqual([]);
    const got = drain(far);
    await clock.until(() => events.length > 0);
    expect([got, events, ends]).toEqual([hex(packets), [FlowEvent.dealloc], ['program']]);
  });

  it('gives the program the last packets of a peer that deallocates', async () => {
    // Some of these fit the ring exactly, with others the pump holds one.
    for (let count = 1; count <= 10; count++) {
      const { clock, program, far, ends } = setup({ queue: 100 });
      const events: FlowEvent[] = [];
      program.onEvent((e) => events.push(e));
      const packets = Array.from({ length: count }, (_, i) => new Uint8Array(900).fill(i));
      for (const p of packets) far.write(p);
      far.dealloc();
      await clock.settle();
      expect(events).toEqual([]);
      const got = drain(program);
      await clock.until(() => events.includes(FlowEvent.dealloc));
      expect([got, ends]).toEqual([hex(packets), ['peer']]);
      program.dealloc();
    }
  });

  it('goes on after a batch, though nothing new happens', async () => {
    const { clock, program, far } = setup({ ringBytes: 1 << 16, queue: 1000 });
    const got = drain(program);
    for (let i = 0; i < 640; i++) far.write(utf8('x'));
    await clock.until(() => got.length === 640);
    program.dealloc();
  });

  it('ends when both sides go with packets in between', async () => {
    const { clock, program, far, ends } = setup();
    feed(
      program,
      Array.from({ length: 5 }, () => new Uint8Array(900)),
    );
    far.write(new Uint8Array(900));
    far.dealloc();
    program.dealloc();
    await clock.until(() => ends.length > 0);
    expect(ends.length).toBe(1);
  });

  it('waits for a stuck peer no longer than it was told', async () => {
    const { clock, program, far, pump, ends } = setup({ queue: 1 });
    for (let i = 0; i < 10; i++) program.write(utf8('x'));
    pump.finish(5000);
    program.dealloc();
    await clock.advance(4999);
    expect(ends).toEqual([]);
    await clock.advance(1);
    expect(ends).toEqual(['program']);
    expect(() => far.write(utf8('x'))).toThrow('peer has deallocated');
  });

  it('drops what is too long for the other side and goes on', async () => {
    const { clock, program, far, pump } = setup({ mtu: 100, ringMtu: 200 });
    program.write(new Uint8Array(150));
    program.write(utf8('fits'));
    const got = drain(far);
    await clock.until(() => got.length > 0);
    expect([got, pump.dropped]).toEqual([hex([utf8('fits')]), 1]);
    pump.stop();
  });

  it('tells the program when the layer is down and up', async () => {
    const clock = new SimClock();
    const ring = new RingPair();
    const [near] = inlinePair({ qos: qosRaw, mtu: 1000, queue: 8 });
    const pump = new FlowPump({ ring: ring.b, flow: near, clock, guard: open }, () => {});
    const events: FlowEvent[] = [];
    ring.a.onEvent((e) => events.push(e));
    near.tell(FlowEvent.down);
    await clock.until(() => events.length === 1);
    near.tell(FlowEvent.up);
    await clock.until(() => events.length === 2);
    expect(events).toEqual([FlowEvent.down, FlowEvent.up]);
    pump.stop();
    ring.a.dealloc();
  });

  it('keeps what a program has written until the layer is up again', async () => {
    const { clock, program, near, far, pump } = setup();
    const got = drain(far);
    near.tell(FlowEvent.down);
    await clock.settle();
    program.write(utf8('patience'));
    await clock.settle();
    expect(got).toEqual([]);
    near.tell(FlowEvent.up);
    await clock.until(() => got.length > 0);
    expect(got).toEqual(hex([utf8('patience')]));
    pump.stop();
  });

  it('tells either side whether the other one ended in order or died', async () => {
    for (const ending of ['done', 'lost'] as const) {
      const expected = ending === 'done' ? FlowEvent.dealloc : FlowEvent.peer;
      for (const side of ['program', 'far'] as const) {
        const s = setup();
        const events: FlowEvent[] = [];
        (side === 'program' ? s.far : s.program).onEvent((e) => events.push(e));
        s[side].dealloc(ending);
        await s.clock.until(() => events.length > 0);
        expect(events).toEqual([expected]);
        s.program.dealloc();
        s.far.dealloc();
      }
    }
  });

  it('reports a fault of the layer to its guard', async () => {
    const clock = new SimClock();
    const ring = new RingPair();
    const [near] = inlinePair({ qos: qosRaw, mtu: 1000, queue: 8 });
    const faults: unknown[] = [];
    const guard: Guard =
      (fn) =>
      (...args) => {
        try {
          return fn(...args);
        } catch (error) {
          faults.push(error);
          return undefined;
        }
      };
    const flow = failAt(near, 'forward', 1, new RangeError('layer bug'));
    new FlowPump({ ring: ring.b, flow, clock, guard }, () => {});
    for (let i = 0; i < 3; i++) ring.a.write(utf8('x'));
    await clock.until(() => faults.length > 0);
    expect(faults).toMatchObject([{ message: 'layer bug' }]);
    ring.dealloc();
  });

  it('lets the event loop turn between batches', async () => {
    const { clock, program, far } = setup({ ringBytes: 1 << 16, queue: 1000 });
    const turns: number[] = [];
    let turn = 0;
    const tick = () => {
      turn++;
      if (turn < 100) setImmediate(tick);
    };
    setImmediate(tick);
    far.onReadable(() => {
      while (far.read() !== undefined) turns.push(turn);
    });
    for (let i = 0; i < 640; i++) program.write(utf8('x'));
    await clock.until(() => turns.length === 640);
    expect(new Set(turns).size).toBeGreaterThanOrEqual(3);
    program.dealloc();
  });
});
