/**
 * A datagram socket's way into the real network: real UDP sockets beside a program's socket, made when it first sends there, one for each
 * family. The kernel decides about routes and sources; its errors go to the program.
 *
 * Like a NAT, it takes only what comes from an address that the program has sent to: that the program serves flows on its port must not
 * open that port to the network.
 *
 * Owns the sockets. BOUNDED: two of them, MAX_KNOWN addresses.
 */
import { constants } from 'node:os';
import { type NativeVerbs, Watch, WatchEvent } from '#lib/os/index.ts';
import { ANY4, ANY6, BROADCAST4, type Ip, isMulticast, isV4 } from '../addr/ip.ts';
import { HEADER_BYTES, MAX_PAYLOAD } from './header.ts';

const BUFFER_BYTES = 1 << 20;
const MAX_KNOWN = 4096;
const BATCH = 16;
const SLOT = 65_536;
const SOCKADDR = 28;
const AF_INET = 2;
const AF_INET6 = 10;
const SOL_SOCKET = 1;
const SO_BROADCAST = 6;
const { EAGAIN, ENOBUFS } = constants.errno;

export type OutsideVerbs = Pick<
  NativeVerbs,
  'udpOpen' | 'udpRecv' | 'udpSend' | 'setsockoptInt' | 'close' | 'watch'
>;

export interface OutsideDeps {
  readonly os: OutsideVerbs;
  readonly deliver: (ip: Ip, port: number, payload: Uint8Array) => void;
}

export interface OutsideConfig {
  /** Where the program's socket is bound: the real ones are, too, as far as the kernel lets them. */
  readonly ip: Ip;
  readonly port: number;
}

interface Real {
  readonly fd: number;
  readonly watch: Watch;
}

// Used within one turn of the event loop.
const slab = new Uint8Array(BATCH * SLOT);
const lens = new Int32Array(BATCH);
const segments = new Int32Array(BATCH);
const addrs = Buffer.alloc(BATCH * SOCKADDR);
const to = Buffer.alloc(SOCKADDR);
const one = { off: new Int32Array(1), len: new Int32Array(1), segment: new Int32Array(1) };

export class Outside {
  readonly #deps: OutsideDeps;
  readonly #config: OutsideConfig;
  readonly #real = new Map<4 | 6, Real>();
  /** Addresses sent to, oldest first. BOUNDED by MAX_KNOWN. */
  readonly #known = new Set<Ip>();
  #anybody = false;
  #closed = false;

  constructor(deps: OutsideDeps, config: OutsideConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  /** Answers from this address are taken from now on; those to a broadcast or multicast come from anybody. */
  expect(ip: Ip): void {
    if (ip === BROADCAST4 || isMulticast(ip)) this.#anybody = true;
    this.#known.delete(ip);
    if (this.#known.size >= MAX_KNOWN) this.#known.delete(this.#known.values().next().value ?? '');
    this.#known.add(ip);
  }

  /** A message with its header at `offset`; 0 or an errno. A full queue loses it, as it would in a router. */
  send(ip: Ip, port: number, bytes: Uint8Array, offset: number, length: number): number {
    const fd = this.#socket(isV4(ip) ? 4 : 6);
    if (fd < 0) return -fd;
    putSockaddr(to, 0, ip, port);
    one.off[0] = offset + HEADER_BYTES;
    one.len[0] = length - HEADER_BYTES;
    const sent = this.#deps.os.udpSend(fd, bytes, one.off, one.len, one.segment, to, 0, 1);
    return sent >= 0 || sent === -EAGAIN || sent === -ENOBUFS ? 0 : -sent;
  }

  close(): void {
    this.#closed = true;
    for (const { fd, watch } of this.#real.values()) {
      watch.close();
      this.#deps.os.close(fd);
    }
    this.#real.clear();
  }

  /** A descriptor, or a negative errno. */
  #socket(family: 4 | 6): number {
    const known = this.#real.get(family);
    if (known !== undefined) return known.fd;
    const { os } = this.#deps;
    const any = family === 4 ? ANY4 : ANY6;
    const { ip, port } = this.#config;
    const own = isV4(ip) === (family === 4) ? ip : any;
    let fd = -EAGAIN;
    // The address may be one of ours alone, and the port be taken out there.
    for (const [a, p] of [
      [own, port],
      [any, port],
      [any, 0],
    ] as const) {
      fd = os.udpOpen(sockaddrOf(a, p), BUFFER_BYTES);
      if (fd >= 0) break;
    }
    if (fd < 0) return fd;
    os.setsockoptInt(fd, SOL_SOCKET, SO_BROADCAST, 1);
    const watch = new Watch(os, fd, WatchEvent.readable, (status) => {
      this.#read(fd);
      if (status < 0 && !this.#closed) watch.resume();
    });
    this.#real.set(family, { fd, watch });
    return fd;
  }

  #read(fd: number): void {
    const got = this.#deps.os.udpRecv(fd, slab, SLOT, lens, segments, addrs, BATCH);
    for (let i = 0; i < got; i++) {
      const { ip, port } = getSockaddr(addrs, i * SOCKADDR);
      const length = lens[i]!;
      if (length < 0 || !(this.#anybody || this.#known.has(ip))) continue;
      const size = segments[i] || Math.max(length, 1);
      // A train of datagrams that the kernel has put together.
      for (let at = 0; at < length || at === 0; at += size) {
        const end = Math.min(at + size, length);
        if (end - at > MAX_PAYLOAD || this.#closed) break;
        this.#deps.deliver(ip, port, slab.subarray(i * SLOT + at, i * SLOT + end));
      }
    }
  }
}

function sockaddrOf(ip: Ip, port: number): Uint8Array {
  const bytes = Buffer.alloc(SOCKADDR);
  putSockaddr(bytes, 0, ip, port);
  return isV4(ip) ? bytes.subarray(0, 16) : bytes;
}

function putSockaddr(bytes: Buffer, at: number, ip: Ip, port: number): void {
  bytes.fill(0, at, at + SOCKADDR);
  bytes.writeUInt16LE(isV4(ip) ? AF_INET : AF_INET6, at);
  bytes.writeUInt16BE(port, at + 2);
  if (isV4(ip)) bytes.write(ip.slice(24), at + 4, 4, 'hex');
  else bytes.write(ip, at + 8, 16, 'hex');
}

function getSockaddr(bytes: Buffer, at: number): { ip: Ip; port: number } {
  const port = bytes.readUInt16BE(at + 2);
  if (bytes.readUInt16LE(at) === AF_INET6)
    return { ip: bytes.toString('hex', at + 8, at + 24), port };
  return { ip: ANY4.slice(0, 24) + bytes.toString('hex', at + 4, at + 8), port };
}
