import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, test } from '@jest/globals';
import {
  type Accepted,
  addonPath,
  type InterfaceInfo,
  type NativeWatch,
  os,
  WatchEvent,
} from './native.ts';

const dir = mkdtempSync(join(tmpdir(), 'ouro-os-'));
afterAll(() => rmSync(dir, { recursive: true }));

const fds = () => readdirSync('/proc/self/fd').length;
const bytes = (...values: number[]) => new Uint8Array(values);
const text = (s: string) => new TextEncoder().encode(s);
const pairOf = (type: 'stream' | 'seqpacket' | 'dgram') => os.socketpair(type) as [number, number];
const EAGAIN = -11;

describe('sockets', () => {
  test('a path listens, is connected to, and tells who connected', () => {
    const path = join(dir, 's1');
    const listener = os.unixListen(path, 'seqpacket', 5);
    expect(os.accept(listener)).toBe(EAGAIN);
    const client = os.unixConnect(path, 'seqpacket');
    const { fd, name } = os.accept(listener) as Accepted;
    expect(name).toBeUndefined();
    expect(os.peerCred(fd)).toEqual({
      pid: process.pid,
      uid: process.getuid?.(),
      gid: process.getgid?.(),
    });
    expect(os.sockname(fd)).toEqual(text(path));
    expect(os.peername(client)).toEqual(text(path));
    expect(os.unixListen(path, 'stream', 1)).toBe(-98);
    for (const f of [listener, client, fd]) expect(os.close(f)).toBe(0);
    expect(os.unixConnect(path, 'seqpacket')).toBe(-111);
    expect(os.close(fd)).toBe(-9);
  });

  test('abstract names keep every byte', () => {
    const name = bytes(0, 1, 0, 255, 0);
    const listener = os.socket('stream');
    expect(os.bindName(listener, name)).toBe(0);
    expect(os.listen(listener, 1)).toBe(0);
    const client = os.socket('stream');
    expect(os.bindName(client, bytes(0, 7))).toBe(0);
    expect(os.connectName(client, name)).toBe(0);
    const { fd, name: from } = os.accept(listener) as Accepted;
    expect(from).toEqual(bytes(0, 7));
    expect(os.peername(client)).toEqual(name);
    for (const f of [listener, client, fd]) os.close(f);
  });

  test('names that do not fit are refused', () => {
    const fd = os.socket('dgram');
    expect(os.bindName(fd, new Uint8Array(109))).toBe(-36);
    expect(os.bindName(fd, new Uint8Array(0))).toBe(-22);
    expect(os.unixConnect('x'.repeat(108), 'stream')).toBe(-36);
    os.close(fd);
  });

  test('queues, options, identity', () => {
    const [a, b] = pairOf('stream');
    expect(os.sendv(a, [bytes(1, 2), bytes(), bytes(3)])).toBe(3);
    expect(os.queued(b)).toBe(3);
    expect(os.outq(a)).toBeGreaterThan(0);
    expect(os.inode(a)).not.toBe(os.inode(b));
    expect(os.getsockoptInt(a, 1, 3)).toBe(1);
    expect(os.setsockoptInt(a, 1, 7, 65_536)).toBe(0);
    expect(os.getsockoptInt(a, 1, 7)).toBe(131_072);
    expect(os.shutdown(a, 1)).toBe(0);
    const to = new Uint8Array(8);
    expect(os.recv(b, to, 2, 6)).toBe(3);
    expect(to).toEqual(bytes(0, 0, 1, 2, 3, 0, 0, 0));
    expect(os.recv(b, to, 0, 8)).toBe(0);
    const copy = os.dup(b, 50);
    expect(copy).toBeGreaterThanOrEqual(50);
    expect(os.inode(copy)).toBe(os.inode(b));
    for (const f of [a, b, copy]) os.close(f);
    expect(os.send(a, to, 0, 1)).toBe(-9);
  });

  test('ranges outside the buffer are misuse', () => {
    expect(() => os.send(0, bytes(1), 1, 1)).toThrow('range');
    expect(() => os.recv(0, bytes(1), 0, 2)).toThrow('range');
    expect(() => os.recv(0, bytes(1), -1, 1)).toThrow();
    expect(() => os.send(0, 'x' as unknown as Uint8Array, 0, 1)).toThrow('Uint8Array');
  });
});

describe('descriptors in messages', () => {
  test('arrive, work, and are close-on-exec', () => {
    const [a, b] = pairOf('seqpacket');
    const [c, d] = pairOf('stream');
    expect(os.sendMsg(a, bytes(9), 0, 1, [c, d])).toBe(1);
    const got: number[] = [];
    expect(os.recvMsg(b, new Uint8Array(4), 0, 4, got)).toBe(1);
    expect(got).toHaveLength(2);
    expect(os.inode(got[0]!)).toBe(os.inode(c));
    expect(readFileSync(`/proc/self/fdinfo/${got[0]}`, 'utf8')).toMatch(/flags:\s*02\d{6}/);
    for (const f of [a, b, c, d, ...got]) os.close(f);
  });

  test('too many, or with a cut message: none stays open', () => {
    const before = fds();
    const [a, b] = pairOf('seqpacket');
    expect(() => os.sendMsg(a, bytes(1), 0, 1, Array(9).fill(a))).toThrow('too many');
    os.sendMsg(a, bytes(1, 2, 3), 0, 3, [a, b]);
    const got: number[] = [];
    expect(os.recvMsg(b, new Uint8Array(2), 0, 2, got)).toBe(-90);
    expect(got).toEqual([]);
    expect(fds()).toBe(before + 2);
    os.close(a);
    os.close(b);
  });

  test('more than we take are closed and reported', () => {
    const script = `
      import array, socket
      s = socket.socket(fileno=3)
      s.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0] * 9))])`;
    const [a, b] = pairOf('seqpacket');
    const ran = spawnSync('python3', ['-c', script.replaceAll('\n      ', '\n')], {
      stdio: ['ignore', 'inherit', 'inherit', a],
    });
    if (ran.error !== undefined) return;
    const before = fds();
    const got: number[] = [];
    expect(os.recvMsg(b, new Uint8Array(4), 0, 4, got)).toBe(1);
    expect(got).toEqual([-1]);
    expect(fds()).toBe(before);
    os.close(a);
    os.close(b);
  });
});

describe('datagram batches', () => {
  test('go and come many at a time; long ones are marked', () => {
    const [a, b] = pairOf('dgram');
    const slab = new Uint8Array(64).map((_, i) => i);
    const sent = os.sendBatch(
      a,
      slab,
      Int32Array.of(0, 0, 10, 40),
      Int32Array.of(1, 5, 0, 20),
      1,
      3,
    );
    expect(sent).toBe(3);
    const into = new Uint8Array(16 * 8);
    const lens = new Int32Array(8);
    expect(os.recvBatch(b, into, 16, lens, 8)).toBe(3);
    expect([...lens.slice(0, 3)]).toEqual([5, 0, -20]);
    expect(into.slice(0, 5)).toEqual(slab.slice(0, 5));
    expect(into.slice(32, 48)).toEqual(slab.slice(40, 56));
    expect(os.recvBatch(b, into, 16, lens, 8)).toBe(EAGAIN);
    os.close(a);
    os.close(b);
  });

  test('are gathered from headers and a body', () => {
    const [a, b] = pairOf('dgram');
    const heads = Uint8Array.of(1, 2, 3, 4, 5, 6);
    const body = new Uint8Array(64).map((_, i) => 100 + i);
    const [offs, lens] = [Int32Array.of(0, 10, 60), Int32Array.of(9, 3, 0)];
    expect(os.sendGather(a, heads, 2, body, offs, lens, 1, 2)).toBe(2);
    const into = new Uint8Array(64);
    const got = new Int32Array(4);
    expect(os.recvBatch(b, into, 16, got, 4)).toBe(2);
    expect([...into.slice(0, got[0]), ...into.slice(16, 16 + got[1]!)]).toEqual([
      3, 4, 110, 111, 112, 5, 6,
    ]);
    const copy = new Uint8Array(8);
    os.copyPieces(copy, Int32Array.of(1, 6), body, offs, Int32Array.of(2, 2), 2);
    expect([...copy]).toEqual([0, 100, 101, 0, 0, 0, 110, 111]);
    const outside = Int32Array.of(62);
    const three = Int32Array.of(3);
    expect(() => os.sendGather(a, heads, 2, body, outside, three, 0, 1)).toThrow('outside');
    expect(() => os.sendGather(a, heads, 4, body, offs, lens, 1, 1)).toThrow('heads');
    expect(() => os.sendGather(a, heads, 2, body, offs, lens, 2, 2)).toThrow('too small');
    expect(() => os.copyPieces(copy, outside, body, offs, three, 1)).toThrow('outside');
    expect(() => os.copyPieces(copy, offs, body, outside, three, 1)).toThrow('outside');
    os.close(a);
    os.close(b);
  });

  test('copy runs, and stay inside both arrays', () => {
    const from = new Uint8Array(12).map((_, i) => i);
    const to = new Uint8Array(10);
    os.copyRun(to, 0, 4, from, 0, 5, 2, 3);
    expect([...to]).toEqual([0, 1, 0, 0, 5, 6, 0, 0, 10, 11]);
    expect(() => os.copyRun(to, 1, 4, from, 2, 5, 3, 3)).toThrow('outside');
    expect(() => os.copyRun(to, 9, 4, from, 0, 1, 2, 1)).toThrow('outside');
    expect(() => os.copyRun(to, 0, 0, from, 11, 1, 1, 2)).toThrow('outside');
    expect(() => os.copyRun(to, 0, 2 ** 52, from, 0, 0, 1, 3)).toThrow('outside');
  });

  test('stay inside their slab', () => {
    const slab = new Uint8Array(8);
    const one = Int32Array.of(1);
    expect(() => os.sendBatch(0, slab, Int32Array.of(8), one, 0, 1)).toThrow('outside');
    expect(() => os.sendBatch(0, slab, Int32Array.of(-1), one, 0, 1)).toThrow('outside');
    expect(() => os.sendBatch(0, slab, one, one, 0, 2)).toThrow('too small');
    expect(() => os.recvBatch(0, slab, 5, new Int32Array(2), 2)).toThrow('too small');
  });
});

describe('memory', () => {
  test('a memfd keeps its size, its start and its seals', () => {
    const fd = os.memfdCreate('ouro-test', 8192, bytes(1, 2, 3));
    expect(os.memfdSeals(fd)).toBe(7);
    expect(os.fileSize(fd)).toBe(8192);
    expect(os.mmapFd(fd, 8193)).toBe(-22);
    const one = os.mmapFd(fd, 8192) as ArrayBuffer;
    const two = os.mmapFd(fd, 8192) as ArrayBuffer;
    os.close(fd);
    expect([...new Uint8Array(one, 0, 4)]).toEqual([1, 2, 3, 0]);
    Atomics.store(new Int32Array(one), 100, 42);
    expect(Atomics.load(new Int32Array(two), 100)).toBe(42);
    os.punch(one, 0, 4096);
    expect(new Uint8Array(two)[0]).toBe(0);
    const view = new Uint8Array(one);
    expect(os.unmap(one)).toBe(0);
    expect(os.unmap(one)).toBe(0);
    expect(view.length).toBe(0);
    expect(new Int32Array(two)[100]).toBe(0);
    os.unmap(two);
    expect(() => os.unmap(new ArrayBuffer(8))).toThrow('not a mapping');
  });

  test('a file is made, extended and shared', () => {
    const path = join(dir, 'table');
    writeFileSync(path, 'abc');
    const map = os.openShared(path, 4096, 0o600) as ArrayBuffer;
    new Uint8Array(map)[3] = 100;
    expect(readFileSync(path).subarray(0, 4).toString()).toBe('abcd');
    os.unmap(map);
    expect(os.openShared(dir, 4096, 0o600)).toBeLessThan(0);
  });
});

describe('watches', () => {
  test('may be closed inside their callback, with their descriptor', async () => {
    const [a, b] = pairOf('stream');
    await new Promise<void>((done) => {
      const w = os.watch(b, WatchEvent.readable, (status, events) => {
        expect([status, events]).toEqual([0, WatchEvent.readable]);
        w.close();
        w.close();
        os.close(b);
        done();
      }) as NativeWatch;
      os.send(a, bytes(1), 0, 1);
    });
    os.close(a);
  });

  test('see writing, pausing and the peer going away', async () => {
    const [a, b] = pairOf('stream');
    const seen: number[] = [];
    let next = () => {};
    const w = os.watch(b, WatchEvent.writable, (_, events) => {
      seen.push(events);
      w.update(0);
      next();
    }) as NativeWatch;
    const happens = () =>
      new Promise<void>((done) => {
        next = done;
      });
    await happens();
    w.update(WatchEvent.disconnect);
    os.close(a);
    await happens();
    expect(seen).toEqual([WatchEvent.writable, WatchEvent.disconnect]);
    w.close();
    expect(w.update(1)).toBeLessThan(0);
    os.close(b);
  });

  test('run promises and ticks before the next callback', async () => {
    const [a, b] = pairOf('stream');
    const order: string[] = [];
    await new Promise<void>((done) => {
      let calls = 0;
      const w = os.watch(b, WatchEvent.readable, () => {
        order.push('call');
        Promise.resolve().then(() => order.push('promise'));
        if (++calls < 2) return;
        w.close();
        setImmediate(done);
      }) as NativeWatch;
      os.send(a, bytes(1), 0, 1);
    });
    expect(order).toEqual(['call', 'promise', 'call', 'promise']);
    os.close(a);
    os.close(b);
  });

  test('a bad descriptor is an errno', () => {
    expect(os.watch(9999, 1, () => {})).toBeLessThan(0);
  });

  test('do not keep an environment from going down, busy or unreferenced', async () => {
    const code = `
      const os = require(${JSON.stringify(addonPath())});
      for (let i = 0; i < 100; i++) {
        const [a, b] = os.socketpair('stream');
        const w = os.watch(b, 3, () => {});
        if (i % 2) w.unref();
        os.send(a, new Uint8Array(1), 0, 1);
        os.mmapFd(os.memfdCreate('x', 4096), 4096);
      }
      setImmediate(() => process.exit(7));`;
    for (let i = 0; i < 3; i++) {
      const worker = new Worker(code, { eval: true });
      expect(await new Promise((done) => worker.once('exit', done))).toBe(7);
    }
    const child = spawn(process.execPath, ['-e', code], { stdio: 'inherit' });
    expect(await new Promise((done) => child.once('exit', (c, s) => done(c ?? s)))).toBe(7);
  });
});

describe('processes', () => {
  test('limits, masks, locks', () => {
    const limit = os.getRlimitNofile() as { soft: number; hard: number };
    expect(limit.hard).toBeGreaterThanOrEqual(limit.soft);
    expect(os.setRlimitNofile(limit.soft)).toBe(0);
    const mask = os.umask(0o22);
    expect(os.umask(mask)).toBe(0o22);
    expect(os.kill(process.pid, 0)).toBe(0);
    expect(os.pidfdOpen(2 ** 22 + 1)).toBe(-3);
  });
});

const root = process.getuid?.() === 0;

describe('network interfaces', () => {
  test('tell what they are', () => {
    const lo = os.interfaceInfo('lo') as InterfaceInfo;
    expect(lo).toMatchObject({ index: 1, mac: new Uint8Array(0) });
    expect(lo.mtu).toBeGreaterThan(1000);
    expect(os.interfaceInfo('no-such-if0')).toBe(-19);
    expect(os.interfaceInfo('a-name-that-is-too-long')).toBe(-19);
    const changes = os.linkChanges();
    expect(os.recv(changes, bytes(0), 0, 1)).toBe(EAGAIN);
    os.close(changes);
  });

  (root ? test : test.skip)('carry frames of one protocol past a filter', () => {
    const protocol = 0x88b6;
    // Classic BPF: takes all, or nothing.
    const verdict = (value: number) => new Uint8Array(new Uint32Array([0x06, value]).buffer);
    const [all, nothing] = [verdict(0xffff), verdict(0)].map((filter) =>
      os.packetOpen(1, protocol, filter, 1 << 20),
    ) as [number, number];
    const other = os.packetOpen(1, 0x88b7, new Uint8Array(0), 1 << 20);
    const frame = new Uint8Array(60);
    frame.set([0x88, 0xb6], 12);
    const lengths = new Int32Array([60, 60]);
    expect(os.sendBatch(other, frame, new Int32Array(2), lengths, 0, 2)).toBe(2);
    const slab = new Uint8Array(4 * 100);
    const got = new Int32Array(4);
    expect(os.recvBatch(all, slab, 100, got, 4)).toBe(2);
    expect([got[0], slab[112], slab[113]]).toEqual([60, 0x88, 0xb6]);
    for (const fd of [nothing, other]) expect(os.recvBatch(fd, slab, 100, got, 4)).toBe(EAGAIN);
    expect(os.packetDrops(all)).toBe(0);
    for (const fd of [all, nothing, other]) os.close(fd);
    expect(os.packetOpen(999_999, protocol, new Uint8Array(0), 1024)).toBe(-19);
    expect(() => os.packetOpen(1, protocol, bytes(1, 2, 3), 1024)).toThrow('bad filter');
  });
});
