import { constants } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { ANY4, ANY6, LOOPBACK4, LOOPBACK6, parseIp } from '../addr/ip.ts';
import { type BindRequest, type BindResult, PortTable } from './port-table.ts';

const { EADDRINUSE, EACCES } = constants.errno;
const HOST = parseIp('192.0.2.2') ?? '';

let inode = 1;
const request = (over: Partial<BindRequest> = {}): BindRequest => ({
  ino: inode++,
  protocol: 'tcp',
  family: over.ip === ANY6 || over.ip === LOOPBACK6 ? 6 : 4,
  uid: 1000,
  run: 1,
  pid: 10,
  ip: ANY4,
  port: 8000,
  v6only: false,
  reuseAddr: false,
  reusePort: false,
  fixedIp: false,
  fixedPort: true,
  ...over,
});
const table = (max = 1000) =>
  new PortTable({ random: () => 0.5 }, { ephemeral: [40_000, 40_009], unprivileged: 1024, max });
const errno = (result: BindResult): number => ('errno' in result ? result.errno : 0);
const bound = (result: BindResult) => {
  if ('errno' in result) throw new RangeError(`bind failed with ${result.errno}`);
  return result.endpoint;
};

/** Binds both on one port; true when the second is refused. */
function conflict(a: Partial<BindRequest>, b: Partial<BindRequest>, listen = false): boolean {
  const ports = table();
  const first = bound(ports.bind(request(a)));
  if (listen) ports.listen(first, 5);
  return errno(ports.bind(request(b))) === EADDRINUSE;
}

describe('PortTable binds as Linux does', () => {
  it.each([
    ['any against any', {}, {}, true],
    ['any against specific', {}, { ip: LOOPBACK4 }, true],
    ['two specific addresses', { ip: HOST }, { ip: LOOPBACK4 }, false],
    ['TCP against UDP', {}, { protocol: 'udp' as const }, false],
    ['dual-stack any against IPv4 any', { ip: ANY6 }, {}, true],
    ['IPv6-only any against IPv4 any', { ip: ANY6, v6only: true }, {}, false],
    ['dual-stack any against IPv4 specific', { ip: ANY6 }, { ip: HOST }, true],
    ['IPv6 specific against IPv4 any', { ip: LOOPBACK6 }, {}, false],
    ['IPv6 any against IPv6 specific', { ip: ANY6, v6only: true }, { ip: LOOPBACK6 }, true],
    ['SO_REUSEADDR on both', { reuseAddr: true }, { reuseAddr: true }, false],
    ['SO_REUSEADDR on one', { reuseAddr: true }, {}, true],
    ['SO_REUSEPORT on both', { reusePort: true }, { reusePort: true }, false],
    ['SO_REUSEPORT of two users', { reusePort: true }, { reusePort: true, uid: 1001 }, true],
  ])('%s', (_what, a, b, refused) => {
    expect(conflict(a, b)).toBe(refused);
  });

  it('SO_REUSEADDR does not help against a listener, SO_REUSEPORT does', () => {
    expect(conflict({ reuseAddr: true }, { reuseAddr: true }, true)).toBe(true);
    expect(conflict({ reusePort: true }, { reusePort: true }, true)).toBe(false);
    const udp = { protocol: 'udp' as const, reuseAddr: true };
    expect(conflict(udp, udp)).toBe(false);
  });

  it('of two bound with SO_REUSEADDR only one may listen', () => {
    const ports = table();
    const a = bound(ports.bind(request({ reuseAddr: true })));
    const b = bound(ports.bind(request({ reuseAddr: true })));
    expect(ports.listen(a, 5)).toBe(0);
    expect(ports.listen(a, 9)).toBe(0);
    expect(ports.listen(b, 5)).toBe(EADDRINUSE);
  });

  it('gives ephemeral ports until there is none, and again when one is back', () => {
    const ports = table();
    const got = Array.from({ length: 10 }, () => bound(ports.bind(request({ port: 0 }))));
    expect(new Set(got.map((e) => e.port)).size).toBe(10);
    expect(got.every((e) => e.port >= 40_000 && e.port <= 40_009)).toBe(true);
    expect(errno(ports.bind(request({ port: 0, reuseAddr: true })))).toBe(EADDRINUSE);
    ports.release(got[3]?.ino ?? 0);
    expect(bound(ports.bind(request({ port: 0 }))).port).toBe(got[3]?.port);
  });

  it('keeps privileged ports for root, and its bound', () => {
    const ports = table(2);
    expect(errno(ports.bind(request({ port: 80 })))).toBe(EACCES);
    expect(errno(ports.bind(request({ port: 80, uid: 0 })))).toBe(0);
    expect(errno(ports.bind(request({ port: 81, uid: 0 })))).toBe(0);
    expect(errno(ports.bind(request({ port: 82, uid: 0 })))).toBe(EADDRINUSE);
  });
});

describe('PortTable.lookup', () => {
  it('prefers the specific address, then the family', () => {
    const ports = table();
    const any = bound(ports.bind(request({ ip: ANY6, reusePort: true })));
    const v4 = bound(ports.bind(request({ reusePort: true })));
    const lo = bound(ports.bind(request({ ip: LOOPBACK4, reusePort: true })));
    for (const e of [any, v4, lo]) ports.listen(e, 5);
    expect(ports.lookup('tcp', LOOPBACK4, 8000)).toBe(lo);
    expect(ports.lookup('tcp', HOST, 8000)).toBe(v4);
    expect(ports.lookup('tcp', LOOPBACK6, 8000)).toBe(any);
    expect(ports.lookup('tcp', HOST, 8001)).toBeUndefined();
    expect(ports.lookup('udp', HOST, 8000)).toBeUndefined();
  });

  it('does not find what does not listen, or lets nobody in', () => {
    const ports = table();
    const a = bound(ports.bind(request({ reuseAddr: true })));
    expect(ports.lookup('tcp', HOST, 8000)).toBeUndefined();
    ports.listen(a, 5);
    expect(ports.lookup('tcp', HOST, 8000)).toBe(a);
    expect(ports.lookup('tcp', HOST, 8000, () => false)).toBeUndefined();
    const b = bound(ports.bind(request({ port: 9000, blackhole: true })));
    ports.listen(b, 5);
    expect(ports.lookup('tcp', HOST, 9000)).toBeUndefined();
  });

  it('takes turns among sharers', () => {
    const ports = table();
    const all = [1, 2, 3].map(() => bound(ports.bind(request({ reusePort: true }))));
    for (const e of all) ports.listen(e, 5);
    const got = new Set([1, 2, 3].map(() => ports.lookup('tcp', HOST, 8000)));
    expect(got.size).toBe(3);
  });

  it('gives datagrams to the socket that is connected to their sender', () => {
    const ports = table();
    const udp = { protocol: 'udp' as const, reusePort: true };
    const open = bound(ports.bind(request(udp)));
    const tied = bound(ports.bind(request(udp)));
    tied.peer = { ip: HOST, port: 5 };
    const from = (port: number) =>
      ports.lookup('udp', LOOPBACK4, 8000, undefined, { ip: HOST, port });
    expect(from(5)).toBe(tied);
    expect(from(6)).toBe(open);
    expect(ports.lookup('udp', LOOPBACK4, 8000)).toBe(open);
  });
});
