/** A RingFlow as the gateway's PacketFlow, and helpers over real sockets. For tests. */
import { FlowEvent } from '#lib/dev/index.ts';
import { type NativeVerbs, os } from '#lib/os/index.ts';
import { RingPair } from '#lib/ring/index.ts';
import type { PacketFlow } from '../flows.ts';

type Ring = RingPair['a'];

export class RingEnd implements PacketFlow {
  readonly id: number;
  readonly ring: Ring;

  constructor(ring: Ring, id: number) {
    this.ring = ring;
    this.id = id;
  }

  get mtu(): number {
    return this.ring.mtu;
  }
  get ringBytes(): number {
    return this.ring.ringBytes;
  }
  get memory(): Uint8Array {
    return this.ring.memory;
  }
  get ended(): boolean {
    return this.ring.ended;
  }
  reserve(length: number): number {
    return this.ring.ended ? -1 : this.ring.reserve(length);
  }
  commit(length: number): void {
    this.ring.commit(length);
  }
  flush(): void {
    this.ring.flush();
  }
  drain(fn: Parameters<PacketFlow['drain']>[0], max?: number): number {
    return this.ring.drain(fn, max);
  }
  observe(o: { readable(): void; writable(): void; gone(): void }): void {
    this.ring.onReadable(() => o.readable());
    this.ring.onWritable(() => o.writable());
    this.ring.onEvent((event) => {
      if (event === FlowEvent.dealloc || event === FlowEvent.peer) o.gone();
    });
  }
  dealloc(): void {
    this.ring.dealloc();
  }
}

export function ringEnds(config: { ringBytes?: number; mtu?: number } = {}): [RingEnd, RingEnd] {
  const pair = new RingPair(config);
  return [new RingEnd(pair.a, 1), new RingEnd(pair.b, 2)];
}

export function socketPair(
  type: 'stream' | 'dgram' = 'stream',
  verbs: NativeVerbs = os,
): [number, number] {
  const made = verbs.socketpair(type);
  if (typeof made === 'number') throw new RangeError(`socketpair failed with ${made}`);
  return made;
}

/** Lets the event loop turn until `check` holds; throws after many turns. */
export async function turns(check: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 20_000; i++) {
    if (check()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new RangeError(`${what} did not happen`);
}

/** Everything that a non-blocking socket has to read until `length` bytes or its end. */
export async function readAll(fd: number, length: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let total = 0;
  let ended = false;
  const chunk = Buffer.alloc(65_536);
  await turns(() => {
    const got = os.recv(fd, chunk, 0, chunk.length);
    if (got === 0 || (got < 0 && got !== -11)) ended = true;
    if (got > 0) {
      chunks.push(Buffer.from(chunk.subarray(0, got)));
      total += got;
    }
    return ended || total >= length;
  }, `${length} bytes`);
  return Buffer.concat(chunks);
}

/** Writes all of it, as the reader takes it. */
export async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  let at = 0;
  await turns(() => {
    const sent = os.send(fd, bytes, at, bytes.length - at);
    if (sent > 0) at += sent;
    return at === bytes.length;
  }, 'writing');
}
