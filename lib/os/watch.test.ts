/** What watches owe the event loop that they share, and each other. */
import { createServer, connect as netConnect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { os, WatchEvent } from './native.ts';
import { Watch } from './watch.ts';

const { readable, edge } = WatchEvent;
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

function pairOf(): [number, number] {
  const [a, b] = os.socketpair('stream') as [number, number];
  open.push(() => os.close(a));
  open.push(() => os.close(b));
  return [a, b];
}

function watch(fd: number, events: number, fn: (events: number) => void): Watch {
  const made = new Watch(os, fd, events, (_status, seen) => fn(seen));
  open.unshift(() => made.close());
  return made;
}

const immediate = () => new Promise<void>((done) => setImmediate(done));

describe('watches', () => {
  it('that are always ready keep nothing else from running', async () => {
    const [a, b] = pairOf();
    let calls = 0;
    watch(b, readable, () => calls++);
    os.ring(a);
    await new Promise((done) => setTimeout(done, 5));
    await immediate();
    const server = createServer((socket) => socket.end('hello'));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const { port } = server.address() as { port: number };
    const text = await new Promise((done) => netConnect(port, '127.0.0.1').once('data', done));
    expect(String(text)).toBe('hello');
    server.close();
    expect(calls).toBeGreaterThan(1);
  });

  it('that are quiet let timers be due, and handles start', async () => {
    const [a, b] = pairOf();
    let calls = 0;
    const made = watch(b, readable, () => {
      calls++;
      made.set(0);
      setTimeout(() => {
        setImmediate(() => made.set(readable));
      }, 2);
    });
    os.ring(a);
    for (let i = 0; i < 5; i++) await new Promise((done) => setTimeout(done, 5));
    expect(calls).toBeGreaterThan(1);
  });

  it('on edges are called once for what happens, read or not', async () => {
    const [a, b] = pairOf();
    const seen: number[] = [];
    watch(b, readable | WatchEvent.disconnect | edge, (events) => seen.push(events));
    for (let i = 0; i < 2; i++) {
      os.ring(a);
      await immediate();
      await immediate();
    }
    os.shutdown(a, 1);
    await immediate();
    await immediate();
    expect(seen).toEqual([readable, readable, readable | WatchEvent.disconnect]);
  });

  it('may be closed, paused and gone with their descriptor in the callback of another', async () => {
    const pairs = [pairOf(), pairOf(), pairOf()] as const;
    const called: number[] = [];
    const all = pairs.map(([, b], i) =>
      watch(b, readable, () => {
        called.push(i);
        for (const [j, other] of all.entries())
          if (j !== i && j === 0) other.set(0);
          else other.close();
      }),
    );
    for (const [a] of pairs) os.ring(a);
    await immediate();
    await immediate();
    expect(called).toHaveLength(1);
  });
});
