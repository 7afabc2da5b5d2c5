import { createHash } from 'node:crypto';
import { constants } from 'node:os';
import { afterEach, describe, expect, it } from '@jest/globals';
import { realClock } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { FRAME_HEADER, putFrameHeader, StreamFrame } from '../sof/frames.ts';
import {
  type RingEnd,
  readAll,
  ringEnds,
  socketPair,
  turns,
  writeAll,
} from '../testing/ring-end.ts';
import { StreamRelay, type StreamRelayConfig } from './stream-relay.ts';

const { ECONNRESET, EAGAIN } = constants.errno;
const FRAMED: StreamRelayConfig = { framed: true, sendWindow: 65_536, receiveWindow: 65_536 };

const open: number[] = [];
const relays: StreamRelay[] = [];
afterEach(() => {
  for (const relay of relays.splice(0)) relay.abort();
  for (const fd of open.splice(0)) os.close(fd);
});

interface Side {
  app: number;
  relay: StreamRelay;
  error: number;
  /** Its program has set SO_LINGER to 0 s. */
  resets: boolean;
  ended: boolean;
}

function side(flow: RingEnd, config: StreamRelayConfig = FRAMED, clock = realClock): Side {
  const [app, socket] = socketPair();
  open.push(app);
  const made: Side = { app, error: 0, resets: false, ended: false, relay: undefined as never };
  made.relay = new StreamRelay(
    {
      os,
      clock,
      socket,
      flow,
      resets: () => made.resets,
      beforeReset: (errno) => {
        made.error = errno;
      },
      onEnd: () => {
        made.ended = true;
      },
    },
    config,
  );
  relays.push(made.relay);
  return made;
}

/** Two programs, each with a relay, and a ring between them. */
function both(rings = ringEnds(), config = FRAMED): [Side, Side] {
  return [side(rings[0], config), side(rings[1], config)];
}

const text = async (fd: number, length: number) => (await readAll(fd, length)).toString('latin1');
const closeApp = (s: Side) => {
  os.close(s.app);
  open.splice(open.indexOf(s.app), 1);
};

/** Next packet at a bare end of a ring, as bytes. */
async function packet(end: RingEnd): Promise<Buffer> {
  let got: Buffer | undefined;
  await turns(() => {
    end.drain((memory, offset, length) => {
      if (got !== undefined) return false;
      got = Buffer.from(memory.slice(offset, offset + length));
      return true;
    }, 2);
    return got !== undefined;
  }, 'a packet');
  return got ?? Buffer.alloc(0);
}

function frame(type: number, payload: Uint8Array = new Uint8Array(0), arg = 0): Uint8Array {
  const bytes = new Uint8Array(FRAME_HEADER + payload.length);
  putFrameHeader(bytes, 0, type, 0, arg);
  bytes.set(payload, FRAME_HEADER);
  return bytes;
}

describe('StreamRelay between two programs', () => {
  it('carries bytes both ways, in order, through windows and rings of every size', async () => {
    const bytes = Buffer.alloc(3_000_000);
    for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >> 8)) & 255;
    const hash = (b: Buffer) => createHash('sha256').update(b).digest('hex');
    const [a, b] = both(ringEnds({ ringBytes: 32_768, mtu: 3000 }));
    const [there, , back] = await Promise.all([
      readAll(b.app, bytes.length),
      writeAll(a.app, bytes),
      readAll(a.app, 100_000),
      writeAll(b.app, bytes.subarray(0, 100_000)),
    ]);
    expect(hash(there)).toBe(hash(bytes));
    expect(hash(back)).toBe(hash(bytes.subarray(0, 100_000)));
    expect([a.relay.bytesOut, b.relay.bytesIn]).toEqual([bytes.length, bytes.length]);
  });

  it('keeps half-closed streams open the other way, and ends when both have finished', async () => {
    const [a, b] = both();
    await writeAll(a.app, Buffer.from('question'));
    os.shutdown(a.app, 1);
    expect(await text(b.app, 100)).toBe('question');
    await writeAll(b.app, Buffer.from('answer'));
    os.shutdown(b.app, 1);
    expect(await text(a.app, 100)).toBe('answer');
    await turns(() => a.ended && b.ended, 'the end');
    expect([a.error, b.error]).toEqual([0, 0]);
  });

  it('delivers what was sent before a program closed', async () => {
    const [a, b] = both();
    await writeAll(a.app, Buffer.from('last words'));
    closeApp(a);
    expect(await text(b.app, 100)).toBe('last words');
    await writeAll(b.app, Buffer.from('to nobody'));
    await turns(() => a.ended && b.ended, 'the end');
    expect(b.error).toBe(ECONNRESET);
  });

  it('turns a reset at one end into one at the other', async () => {
    const [a, b] = both();
    await writeAll(b.app, Buffer.from('unread'));
    await turns(() => os.queued(a.app) === 6, 'the bytes');
    closeApp(a);
    await turns(() => b.ended, 'the reset');
    expect(b.error).toBe(ECONNRESET);
  });

  it('keeps urgent data urgent, at its place', async () => {
    const [a, b] = both();
    os.setsockoptInt(b.app, 1, 10, 1);
    await writeAll(a.app, Buffer.from('ab'));
    expect(os.sendUrgent(a.app, 33)).toBe(1);
    await writeAll(a.app, Buffer.from('cd'));
    await turns(() => os.queued(b.app) === 5, 'all of it');
    const got = Buffer.alloc(9);
    expect(os.recv(b.app, got, 0, 9)).toBe(2);
    expect(os.atMark(b.app)).toBe(1);
    expect(os.recv(b.app, got, 0, 1)).toBe(1);
    expect(got[0]).toBe(33);
  });

  it('stops reading a program whose peer does not read', async () => {
    const [a, b] = both();
    const chunk = Buffer.alloc(65_536);
    let sent = 0;
    let idle = 0;
    await turns(() => {
      const n = os.send(a.app, chunk, 0, chunk.length);
      idle = n === -EAGAIN ? idle + 1 : 0;
      if (n > 0) sent += n;
      return idle > 200;
    }, 'back-pressure');
    expect(sent).toBeGreaterThan(65_536);
    expect(sent).toBeLessThan(4_000_000);
    const rest = await readAll(b.app, sent);
    expect(rest.length).toBe(sent);
  });

  it('gives up on a program that closed while the other end never finishes', async () => {
    const clock = new SimClock();
    const [one, two] = ringEnds();
    const a = side(one, FRAMED, clock);
    closeApp(a);
    expect((await packet(two))[0]).toBe(StreamFrame.FIN);
    await clock.advance(59_000);
    expect(a.ended).toBe(false);
    await clock.advance(2000);
    expect(a.ended).toBe(true);
    expect((await packet(two))[0]).toBe(StreamFrame.RST);
    two.dealloc();
  });
});

describe('StreamRelay and a peer that misbehaves', () => {
  it.each([
    ['sends more than was granted', frame(StreamFrame.DATA, new Uint8Array(2000))],
    ['grants the impossible', frame(StreamFrame.CREDIT, Uint8Array.of(255, 255, 255, 255))],
  ])('resets both when it %s', async (_what, bytes) => {
    const [one, two] = ringEnds();
    const a = side(one, { framed: true, sendWindow: 1000, receiveWindow: 1000 });
    two.ring.write(bytes);
    await turns(() => a.ended, 'the reset');
    expect(a.error).toBe(ECONNRESET);
    expect((await packet(two))[0]).toBe(StreamFrame.RST);
    two.dealloc();
  });

  it.each([
    ['is missing', 2],
    ['comes again', 0],
  ])('resets both when a frame %s', async (_what, number) => {
    const [one, two] = ringEnds();
    const a = side(one);
    two.ring.write(frame(StreamFrame.DATA, Buffer.from('whole')));
    expect(await text(a.app, 5)).toBe('whole');
    two.ring.write(frame(StreamFrame.DATA, Buffer.from('not whole'), number));
    await turns(() => a.ended, 'the reset');
    expect(a.error).toBe(ECONNRESET);
    expect((await packet(two))[0]).toBe(StreamFrame.RST);
    two.dealloc();
  });

  it('ignores frames that it does not know, and frames that are cut', async () => {
    const [one, two] = ringEnds();
    const a = side(one);
    for (const bytes of [
      Uint8Array.of(1),
      frame(99),
      frame(StreamFrame.URGENT),
      frame(StreamFrame.CREDIT, undefined, 1),
    ])
      two.ring.write(bytes);
    two.ring.write(frame(StreamFrame.DATA, Buffer.from('fine'), 2));
    expect(await text(a.app, 4)).toBe('fine');
    two.dealloc();
  });

  it('reads what it sent before it vanished, then resets', async () => {
    const [one, two] = ringEnds();
    const a = side(one);
    two.ring.write(frame(StreamFrame.DATA, Buffer.from('almost')));
    two.dealloc();
    expect(await text(a.app, 6)).toBe('almost');
    await turns(() => a.ended, 'the end');
    expect(a.error).toBe(ECONNRESET);
  });

  it('passes on the errno of a reset', async () => {
    const [one, two] = ringEnds();
    const a = side(one);
    two.ring.write(frame(StreamFrame.RST, undefined, 110));
    await turns(() => a.ended, 'the reset');
    expect(a.error).toBe(110);
    two.dealloc();
  });
});

describe('StreamRelay of a program with SO_LINGER of 0 s', () => {
  it('turns its close into a reset, and leaves a half-close what it is', async () => {
    const [one, two] = ringEnds();
    const a = side(one);
    a.resets = true;
    os.shutdown(a.app, 1);
    expect((await packet(two))[0]).toBe(StreamFrame.FIN);
    two.dealloc();
    const [three, four] = ringEnds();
    const b = side(three);
    b.resets = true;
    open.splice(open.indexOf(b.app), 1);
    os.close(b.app);
    expect((await packet(four))[0]).toBe(StreamFrame.RST);
    expect(b.ended).toBe(true);
    four.dealloc();
  });
});

describe('StreamRelay with a peer that speaks raw packets', () => {
  const RAW: StreamRelayConfig = { framed: false, sendWindow: 0, receiveWindow: 0 };

  it('carries bytes as packets, and its end as the end of the stream', async () => {
    const [one, two] = ringEnds();
    const a = side(one, RAW);
    await writeAll(a.app, Buffer.from('raw'));
    expect((await packet(two)).toString()).toBe('raw');
    two.ring.write(Buffer.from('back'));
    expect(await text(a.app, 4)).toBe('back');
    two.dealloc();
    expect(await text(a.app, 1)).toBe('');
    await turns(() => a.ended, 'the end');
    expect(a.error).toBe(0);
  });

  it('keeps the flow while the program only half-closed, and ends it when it closed', async () => {
    const [one, two] = ringEnds();
    const a = side(one, RAW);
    await writeAll(a.app, Buffer.from('q'));
    os.shutdown(a.app, 1);
    expect((await packet(two)).toString()).toBe('q');
    two.ring.write(Buffer.from('answer'));
    expect(await text(a.app, 6)).toBe('answer');
    expect(a.ended).toBe(false);
    two.dealloc();
    await turns(() => a.ended, 'the end');
    const [three, four] = ringEnds();
    const b = side(three, RAW);
    closeApp(b);
    await turns(() => b.ended && four.ended, 'the end');
    four.dealloc();
  });
});
