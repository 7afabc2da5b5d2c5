/** The keeper with guards that the test plays itself, on real sockets. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { silentLogger } from '#lib/core/index.ts';
import { MessageSocket, os } from '#lib/os/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { GuardKeeper } from './guard-keeper.ts';

/** One guard as the test plays it. */
interface Played {
  socket: MessageSocket;
  /** Letters and keys that came. */
  got: string[];
}

let clock: SimClock;
let guards: Played[];
let keeper: GuardKeeper;

function play(fd: number): void {
  os.setNonblock(fd);
  const socket = new MessageSocket(fd);
  const got: string[] = [];
  socket.onMessage((bytes, fds) => {
    const key = bytes.length === 9 ? Buffer.from(bytes).readBigUInt64LE(1) : '';
    got.push(`${String.fromCharCode(bytes[0]!)}${key}${'+'.repeat(fds.length)}`);
  });
  guards.push({ socket, got });
}

beforeEach(() => {
  clock = new SimClock();
  guards = [];
  const [ours, its] = os.socketpair('seqpacket') as [number, number];
  play(its);
  const start = (socket: number) => play(os.dup(socket, 0));
  keeper = new GuardKeeper({ os, clock, log: silentLogger, start }, { fd: ours });
});
afterEach(() => {
  keeper.quit();
  for (const { socket } of guards) socket.close();
});

/** Lets what was sent arrive. */
async function turns(check: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !check(); i++) await new Promise((resolve) => setImmediate(resolve));
  expect(check()).toBe(true);
}
const got = (guard: number) => guards[guard]?.got.join(' ');

/** `begin`, answered by the guard with nothing kept. */
async function begin(): Promise<void> {
  const begun = keeper.begin();
  await turns(() => got(0) === 'L');
  guards[0]?.socket.send(Buffer.from('E'));
  expect(await begun).toEqual(new Map());
}

describe('GuardKeeper', () => {
  it('gives another guard all that the dead one kept', async () => {
    await begin();
    const [a, b] = os.socketpair('dgram') as [number, number];
    keeper.keep(7, a);
    keeper.keepsOf(() => [
      [7, a],
      [8, b],
    ]);
    await turns(() => got(0) === 'L P7+');
    guards[0]?.socket.close();
    await turns(() => got(1) === 'P7+ P8+');
    expect(keeper.alive).toBe(true);
    keeper.drop(7);
    keeper.quit();
    await turns(() => got(1) === 'P7+ P8+ D7 Q');
    guards[1]?.socket.close();
    for (const fd of [a, b]) os.close(fd);
    await clock.advance(60_000);
    expect(guards).toHaveLength(2);
  });

  it('takes its time when one guard dies after the other', async () => {
    await begin();
    guards[0]?.socket.close();
    await turns(() => guards.length === 2);
    guards[1]?.socket.close();
    await turns(() => !keeper.alive);
    expect(guards).toHaveLength(2);
    await clock.advance(10_000);
    expect(guards).toHaveLength(3);
    expect(keeper.alive).toBe(true);
  });

  it('takes what has come when the guard dies before it has told all, and gives it to the next', async () => {
    const begun = keeper.begin();
    const [a, b] = os.socketpair('dgram') as [number, number];
    await turns(() => got(0) === 'L');
    const kept = Buffer.alloc(9);
    kept.write('K');
    kept[1] = 5;
    guards[0]?.socket.send(kept, [a]);
    guards[0]?.socket.close();
    const [[key, fd] = [0, -1]] = await begun;
    expect(key).toBe(5);
    await turns(() => got(1) === 'P5+');
    expect(os.send(b, Buffer.from('x'), 0, 1)).toBe(1);
    for (const each of [b, fd]) os.close(each);
  });
});
