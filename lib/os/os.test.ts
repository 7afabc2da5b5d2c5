import { spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { OuroError } from '#lib/core/index.ts';
import { MessageSocket } from './message-socket.ts';
import { os } from './native.ts';
import { PidWatch } from './pid-watch.ts';
import { ensureRuntimeDir, LockFile } from './runtime-dir.ts';
import { SharedMapping } from './shared-mapping.ts';
import { UnixListener } from './unix-listener.ts';

const dir = mkdtempSync(join(tmpdir(), 'ouro-os-'));
afterAll(() => rmSync(dir, { recursive: true }));
const fds = () => readdirSync('/proc/self/fd').length;
const bytes = (...values: number[]) => new Uint8Array(values);

function thrown(fn: () => unknown): Partial<OuroError> {
  try {
    fn();
  } catch (error) {
    return error as OuroError;
  }
  return {};
}

function messagePair(config = {}) {
  const [a, b] = os.socketpair('seqpacket') as [number, number];
  return { a: new MessageSocket(a, config), b: new MessageSocket(b, config) };
}

describe('message sockets', () => {
  test('connect, carry messages both ways, and see the end', async () => {
    const path = join(dir, 'm1');
    const listener = new UnixListener({ path, type: 'seqpacket' }, (fd) => {
      const server = new MessageSocket(fd);
      expect(server.peer().pid).toBe(process.pid);
      server.onMessage((m) => {
        server.send(m.map((v) => v + 1));
        server.close();
      });
    });
    const client = MessageSocket.connect(path);
    const answer = new Promise<Uint8Array>((done) => client.onMessage(done));
    const closed = new Promise<unknown>((done) => client.onClose(done));
    client.send(bytes(1, 2, 3));
    expect(await answer).toEqual(bytes(2, 3, 4));
    expect(await closed).toBeUndefined();
    expect(client.closed).toBe(true);
    expect(client.send(bytes(1))).toBe(false);
    listener.close();
    expect(thrown(() => MessageSocket.connect(path))).toMatchObject({ code: 'ENOENT' });
  });

  test('pass descriptors, and close those that nobody took', async () => {
    const before = fds();
    const { a, b } = messagePair();
    const passed = os.socketpair('stream') as [number, number];
    const inode = os.inode(passed[1]);
    const kept = new Promise<number>((done) => b.onMessage((_, got) => done(got.splice(1, 1)[0]!)));
    a.send(bytes(1), passed);
    expect(os.inode(passed[0])).toBe(-9);
    const fd = await kept;
    expect(os.inode(fd)).toBe(inode);
    a.close();
    b.close();
    os.close(fd);
    expect(fds()).toBe(before);
  });

  test('queue what the kernel does not take, in order, and drain', async () => {
    const { a, b } = messagePair({ maxQueuedBytes: 8_000_000 });
    const sent: number[] = [];
    let high = false;
    for (let i = 0; !high; i++) {
      const fd = os.dup(0, 0);
      high = !a.send(new Uint8Array(50_000).fill(i & 255), [fd]);
      sent.push(i & 255);
    }
    expect(a.queuedBytes).toBeGreaterThan(2_000_000);
    const got: number[] = [];
    const drained = new Promise<void>((done) => a.onDrain(done));
    const all = new Promise<void>((done) => {
      b.onMessage((m, f) => {
        expect([m.length, f.length]).toEqual([50_000, 1]);
        got.push(m[0]!);
        if (got.length === sent.length) done();
      });
    });
    await Promise.all([all, drained]);
    expect(got).toEqual(sent);
    expect(a.queuedBytes).toBe(0);
    a.close();
    b.close();
  });

  test('a peer that does not read loses its connection, and nothing leaks', async () => {
    const before = fds();
    const { a, b } = messagePair({ maxQueuedBytes: 100_000 });
    const closed = new Promise<OuroError | undefined>((done) => a.onClose(done));
    while (!a.closed) a.send(new Uint8Array(30_000), [os.dup(0, 0)]);
    expect(await closed).toMatchObject({ code: 'ENOBUFS' });
    b.close();
    expect(fds()).toBe(before);
  });

  test('what the peer said before it went is read first', async () => {
    const { a, b } = messagePair();
    const seen: string[] = [];
    b.send(bytes(5));
    b.close();
    expect(a.send(bytes(1))).toBe(false);
    a.onMessage(() => seen.push('message'));
    await new Promise<void>((done) => {
      a.onClose(() => {
        seen.push('close');
        done();
      });
    });
    expect(seen).toEqual(['message', 'close']);
  });

  test('refuse messages that are empty or too long', () => {
    const { a, b } = messagePair({ maxMessageBytes: 10 });
    expect(thrown(() => a.send(bytes()))).toMatchObject({ code: 'EMSGSIZE' });
    expect(thrown(() => a.send(new Uint8Array(11)))).toMatchObject({ code: 'EMSGSIZE' });
    a.close();
    b.close();
  });

  test('a longer message than agreed ends the connection', async () => {
    const [x, y] = os.socketpair('seqpacket') as [number, number];
    const a = new MessageSocket(x, { maxMessageBytes: 10 });
    a.onMessage(() => {});
    const closed = new Promise<OuroError | undefined>((done) => a.onClose(done));
    os.send(y, new Uint8Array(11), 0, 11);
    expect(await closed).toMatchObject({ fault: 'peer', code: 'EMSGSIZE' });
    os.close(y);
  });
});

describe('listeners', () => {
  test('take over a stale path, never a live one', () => {
    const path = join(dir, 'l1');
    os.close(os.unixListen(path, 'seqpacket', 1));
    const make = (replaceStale: boolean) =>
      new UnixListener({ path, type: 'seqpacket', replaceStale }, (fd) => os.close(fd));
    expect(thrown(() => make(false))).toMatchObject({ code: 'EADDRINUSE' });
    const live = make(true);
    expect(thrown(() => make(true))).toMatchObject({ code: 'EADDRINUSE' });
    live.close();
    live.close();
    make(false).close();
  });

  test('drop connections instead of spinning when descriptors are out', async () => {
    const path = join(dir, 'l2');
    let accepts = 0;
    // Every other accept finds the table full; the next, with the spare given up, succeeds.
    const full = { ...os, accept: (fd: number) => (++accepts % 2 === 1 ? -24 : os.accept(fd)) };
    const listener = new UnixListener({ path, type: 'seqpacket' }, () => {}, full);
    const client = MessageSocket.connect(path);
    await new Promise<void>((done) => client.onClose(() => done()));
    listener.close();
  });
});

test('a process is watched to its end, and a gone one reported', async () => {
  const child = spawn('sleep', ['100']);
  const reaped = new Promise<void>((done) => child.once('exit', () => done()));
  const exited = new Promise<void>((done) => {
    const watch = new PidWatch(child.pid!, done);
    expect(watch.signal(15)).toBe(true);
  });
  // Which of the two comes first is the event loop's choice.
  await Promise.all([exited, reaped]);
  const gone = new Promise<void>((done) => {
    expect(new PidWatch(child.pid!, done).signal(15)).toBe(false);
  });
  await gone;
});

test('a shared table is seen by two mappings', () => {
  const path = join(dir, 'table');
  const one = SharedMapping.ofFile(path, 4096);
  const two = SharedMapping.ofFile(path, 4096);
  new Uint8Array(one.buffer)[7] = 9;
  expect(new Uint8Array(two.buffer)[7]).toBe(9);
  one.close();
  one.close();
  two.close();
});

describe('runtime folders', () => {
  test('are made private and accepted again', () => {
    const path = join(dir, 'run');
    expect(ensureRuntimeDir(path)).toBe(path);
    expect(ensureRuntimeDir(path)).toBe(path);
    expect(ensureRuntimeDir(join(dir, 'group'), 0o750)).toBeDefined();
    const group = join(dir, 'group');
    const message = `${group} has mode 750, at most 700 is safe`;
    expect(thrown(() => ensureRuntimeDir(group))).toMatchObject({ fault: 'policy', message });
    expect(thrown(() => ensureRuntimeDir(group, 0o700, 'go away'))).toMatchObject({
      message: `${message}: go away`,
    });
  });

  test('are refused when somebody else could write', () => {
    const open = join(dir, 'open');
    mkdirSync(open);
    chmodSync(open, 0o770);
    symlinkSync(join(dir, 'run'), join(dir, 'link'));
    writeFileSync(join(dir, 'file'), '');
    for (const name of ['open', 'link', 'file']) {
      expect(thrown(() => ensureRuntimeDir(join(dir, name)))).toMatchObject({ fault: 'policy' });
    }
    expect(thrown(() => ensureRuntimeDir('/proc/self'))).toMatchObject({ fault: 'policy' });
    expect(thrown(() => ensureRuntimeDir(join(dir, 'no', 'parent')))).toMatchObject({
      code: 'ENOENT',
    });
  });

  test('have one owner', () => {
    const path = join(dir, 'lock');
    const lock = LockFile.tryLock(path);
    expect(LockFile.tryLock(path)).toBeUndefined();
    expect(LockFile.holder(path)).toBe(process.pid);
    lock?.release();
    lock?.release();
    const again = LockFile.tryLock(path);
    expect(again).toBeDefined();
    again?.remove();
    expect(LockFile.holder(path)).toBeUndefined();
    again?.remove();
  });

  test('are not taken on a file that was removed meanwhile', () => {
    const path = join(dir, 'removed');
    const old = LockFile.tryLock(path);
    let turns = 0;
    const flock = (fd: number, exclusive: boolean, nonblock: boolean) => {
      // The holder removes the file after we have opened it.
      if (turns++ === 0) old?.remove();
      return os.flock(fd, exclusive, nonblock);
    };
    const lock = LockFile.tryLock(path, { flock });
    expect(turns).toBe(2);
    expect(LockFile.tryLock(path)).toBeUndefined();
    lock?.remove();
  });
});
