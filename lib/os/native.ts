/**
 * The typed face of the addon, written by hand, and the only place that loads it.
 *
 * Conventions: a verb returns a count, a descriptor or a negative errno; it throws TypeError only when called
 * wrongly (a range outside its buffer). Nothing blocks. Descriptors that a verb makes are non-blocking
 * (sockets) and close-on-exec. `name` is the raw bytes of sun_path: a path without its final NUL, or an
 * abstract name that starts with a 0 byte.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { UsageError } from '#lib/core/errors.ts';

export type SocketType = 'stream' | 'seqpacket' | 'dgram';

/**
 * Bits of `watch`. `disconnect`: the peer has shut down or closed. `urgent`: urgent data waits. `edge`, with others: once when
 * something happens, not for as long as it is so.
 */
export const WatchEvent = {
  readable: 1,
  writable: 2,
  disconnect: 4,
  urgent: 8,
  edge: 16,
} as const;

export interface Accepted {
  fd: number;
  /** Bound name of the connecting socket, undefined when it has none. */
  name: Uint8Array | undefined;
}

export interface Credentials {
  pid: number;
  uid: number;
  gid: number;
}

export interface InterfaceInfo {
  index: number;
  /** Empty when the interface has no Ethernet address. */
  mac: Uint8Array;
  mtu: number;
  /** IFF_ bits. */
  flags: number;
}

export interface NativeWatch {
  /** New set of events; 0 pauses. Also resumes a watch that an error stopped. */
  update(events: number): number;
  /** Idempotent; the descriptor may be closed right after, also inside the callback. */
  close(): void;
  ref(): void;
  unref(): void;
}

export interface NativeVerbs {
  // Any descriptor.
  read(fd: number, to: Uint8Array, off: number, len: number): number;
  write(fd: number, from: Uint8Array, off: number, len: number): number;
  close(fd: number): number;
  /** Lowest free descriptor from `min` on. */
  dup(fd: number, min: number): number;
  setNonblock(fd: number): number;
  setCloexec(fd: number, on: boolean): number;
  /** Identity of a socket in this host. */
  inode(fd: number): number;
  fileSize(fd: number): number;
  /** Bytes that can be read (FIONREAD). */
  queued(fd: number): number;
  /** Bytes sent and not yet read (SIOCOUTQ). */
  outq(fd: number): number;
  getsockoptInt(fd: number, level: number, name: number): number;
  setsockoptInt(fd: number, level: number, name: number, value: number): number;
  /** 0 reading, 1 writing, 2 both. */
  shutdown(fd: number, how: number): number;

  // AF_UNIX sockets.
  socket(type: SocketType): number;
  socketpair(type: SocketType): [number, number] | number;
  /** Binds to a path and listens; a dgram socket is only bound. */
  unixListen(path: string, type: SocketType, backlog: number): number;
  listen(fd: number, backlog: number): number;
  /** EAGAIN: the listener's queue is full, try later. */
  unixConnect(path: string, type: SocketType): number;
  connectName(fd: number, name: Uint8Array): number;
  bindName(fd: number, name: Uint8Array): number;
  accept(fd: number): Accepted | number;
  sockname(fd: number): Uint8Array | undefined | number;
  peername(fd: number): Uint8Array | undefined | number;
  /** Credentials of the peer when it connected. */
  peerCred(fd: number): Credentials | number;

  // Messages. 0 from a receiving verb is end of file (or an empty message: never send one).
  send(fd: number, from: Uint8Array, off: number, len: number): number;
  recv(fd: number, to: Uint8Array, off: number, len: number): number;
  /** Sends one byte that means nothing. */
  ring(fd: number): number;
  /** 1 when the next byte to be read is the urgent one (with SO_OOBINLINE), else 0. */
  atMark(fd: number): number;
  /** One byte of urgent data (MSG_OOB). */
  sendUrgent(fd: number, byte: number): number;
  /** One message gathered from at most 16 parts. */
  sendv(fd: number, parts: readonly Uint8Array[]): number;
  /** With at most 8 descriptors, which stay open here. */
  sendMsg(fd: number, from: Uint8Array, off: number, len: number, fds?: readonly number[]): number;
  /**
   * Appends received descriptors to `fdsOut`, which then belong to the caller. -1 in it: descriptors were lost
   * (more than 8 sent, or our table is full) and the others of this message closed. -EMSGSIZE: message cut.
   */
  recvMsg(fd: number, to: Uint8Array, off: number, len: number, fdsOut: number[]): number;

  // Datagrams, at most 64 a call.
  /** Message i lands at `i * slotBytes`; `lens[i]` is its length, negative when it was longer than a slot. */
  recvBatch(fd: number, slab: Uint8Array, slotBytes: number, lens: Int32Array, max: number): number;
  /** Messages `from .. from + count - 1`; returns how many were sent. */
  sendBatch(
    fd: number,
    slab: Uint8Array,
    offs: Int32Array,
    lens: Int32Array,
    from: number,
    count: number,
  ): number;

  /**
   * Messages `from .. from + count - 1`, sent from where they lie: the header at `i * headBytes` of `heads`, then `lens[i]` bytes at
   * `offs[i]` of `body`. Returns how many were sent.
   */
  sendGather(
    fd: number,
    heads: Uint8Array,
    headBytes: number,
    body: Uint8Array,
    offs: Int32Array,
    lens: Int32Array,
    from: number,
    count: number,
  ): number;

  // Frames: recvBatch, sendBatch and sendGather carry them.
  /**
   * Raw socket for the frames of one interface and one protocol (ethertype, or 4 for 802.2), without copies of what this host sends.
   * `filter`: classic BPF program, may be empty. Buffers of `bufferBytes`, beyond the system's limit for root.
   */
  packetOpen(index: number, protocol: number, filter: Uint8Array, bufferBytes: number): number;
  /** Frames that found the receive buffer full since the last call. */
  packetDrops(fd: number): number;
  interfaceInfo(name: string): InterfaceInfo | number;
  /** Becomes readable when an interface has changed; what can be read from it says nothing more. */
  linkChanges(): number;

  // UDP, in trains: datagrams of one size (the last may be shorter) from or to one address, at most 64 a call.
  /** Bound socket; `address` is a sockaddr, here and below. Port 0: the kernel chooses. An IPv6 socket takes IPv6 only. */
  udpOpen(address: Uint8Array, bufferBytes: number): number;
  udpName(fd: number): Uint8Array | number;
  /**
   * Train i lands at `i * slotBytes`, its source at `i * 28` of `addrs`. `lens[i]` is negative when it was cut; `segments[i]` is the
   * size of its datagrams, 0 when it is one.
   */
  udpRecv(
    fd: number,
    slab: Uint8Array,
    slotBytes: number,
    lens: Int32Array,
    segments: Int32Array,
    addrs: Uint8Array,
    max: number,
  ): number;
  /** Trains `from .. from + count - 1`, `segments[i]` of 0 being one datagram; returns how many were sent. */
  udpSend(
    fd: number,
    slab: Uint8Array,
    offs: Int32Array,
    lens: Int32Array,
    segments: Int32Array,
    addrs: Uint8Array,
    from: number,
    count: number,
  ): number;

  /**
   * One train to `address`, from where its datagrams lie: `head`, then piece i of `body`, for `from .. from + count - 1`. All are of one
   * size, the last may be shorter. Returns the bytes that were sent.
   */
  udpGather(
    fd: number,
    address: Uint8Array,
    head: Uint8Array,
    body: Uint8Array,
    offs: Int32Array,
    lens: Int32Array,
    from: number,
    count: number,
  ): number;

  // Memory.
  /** For i below `count`: `lens[i]` bytes from `fromOffs[i]` of `from` to `toOffs[i]` of `to`; the two are different memory. */
  copyPieces(
    to: Uint8Array,
    toOffs: Int32Array,
    from: Uint8Array,
    fromOffs: Int32Array,
    lens: Int32Array,
    count: number,
  ): void;
  /** `count` times `length` bytes, `toStride` and `fromStride` apart; the two are different memory. */
  copyRun(
    to: Uint8Array,
    toOff: number,
    toStride: number,
    from: Uint8Array,
    fromOff: number,
    fromStride: number,
    length: number,
    count: number,
  ): void;
  /** Anonymous file of fixed size (sealed against shrinking, growing and more seals) that starts with `head`. */
  memfdCreate(name: string, size: number, head?: Uint8Array): number;
  memfdSeals(fd: number): number;
  /** Maps the first `size` bytes, shared; -EINVAL when the file is shorter. The descriptor may be closed. */
  mmapFd(fd: number, size: number): ArrayBuffer | number;
  /** Detaches the buffer (its views become empty) and unmaps now. Idempotent. */
  unmap(buffer: ArrayBuffer): number;
  /** Gives whole pages back to the kernel; they read as zeros, for every process that maps them. */
  punch(buffer: ArrayBuffer, off: number, len: number): number;
  /** Maps a file, created or extended as needed. */
  openShared(path: string, size: number, mode: number): ArrayBuffer | number;

  // Events.
  /**
   * Calls back while `events` hold (unless `edge` is one of them). `status` is 0 or a negative errno: then the descriptor
   * has an error to fetch, and the watch has stopped until `update`. One watch per descriptor.
   */
  watch(
    fd: number,
    events: number,
    callback: (status: number, events: number) => void,
  ): NativeWatch | number;

  // Processes.
  pidfdOpen(pid: number): number;
  pidfdSignal(pidfd: number, signal: number): number;
  /** A copy of another process's descriptor; -EPERM for those that we may not trace. */
  pidfdGetfd(pidfd: number, fd: number): number;
  kill(pid: number, signal: number): number;
  flock(fd: number, exclusive: boolean, nonblock: boolean): number;
  /** Returns the previous mask. */
  umask(mask: number): number;
  getRlimitNofile(): { soft: number; hard: number } | number;
  setRlimitNofile(soft: number): number;
}

/** Where the addon is: the package's root is two levels up under jest, three from dist. */
export function addonPath(): string {
  for (const up of ['../../', '../../../']) {
    const path = fileURLToPath(new URL(`${up}native/build/ouro.node`, import.meta.url));
    if (existsSync(path)) return path;
  }
  throw new UsageError('The native addon is not built: run `npm run setup`', 'ENOENT');
}

function load(): NativeVerbs {
  try {
    return createRequire(import.meta.url)(addonPath()) as NativeVerbs;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`The native addon does not load: ${(error as Error).message}`);
  }
}

/** The addon. Classes take the verbs that they use as a parameter, so tests can pass others. */
export const os: NativeVerbs = load();
