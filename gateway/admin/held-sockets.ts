/**
 * Looks into the descriptors of the programs that the gateway serves, for what only the kernel knows of direct streams: which
 * process holds each end, and what waits in it. Needs the right to trace them; without it nothing is found.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { constants } from 'node:os';
import type { NativeVerbs } from '#lib/os/index.ts';
import { parseConnectionName } from '../sockets/connection-name.ts';

const { ENOENT } = constants.errno;

export interface HeldEnd {
  readonly pid: number;
  /** Bytes that the program has not read yet, and that its peer has not. */
  readonly received: number;
  readonly sent: number;
}

/** By serial of the connection. */
export interface HeldEnds {
  readonly connecting: ReadonlyMap<number, HeldEnd>;
  readonly accepted: ReadonlyMap<number, HeldEnd>;
}

export type HeldVerbs = Pick<
  NativeVerbs,
  'pidfdOpen' | 'pidfdGetfd' | 'close' | 'sockname' | 'peername' | 'queued' | 'outq'
>;

export function heldEnds(os: HeldVerbs, gwid: string, pids: Iterable<number>): HeldEnds {
  const connecting = new Map<number, HeldEnd>();
  const accepted = new Map<number, HeldEnd>();
  for (const pid of pids) {
    const pidfd = os.pidfdOpen(pid);
    if (pidfd < 0) continue;
    for (const fd of socketFds(pid)) {
      const copy = os.pidfdGetfd(pidfd, fd);
      if (copy < 0) continue;
      const end = { pid, received: os.queued(copy), sent: os.outq(copy) };
      const own = serialOf(gwid, os.sockname(copy));
      const peer = own === undefined ? serialOf(gwid, os.peername(copy)) : undefined;
      if (own !== undefined && !connecting.has(own)) connecting.set(own, end);
      if (peer !== undefined && !accepted.has(peer)) accepted.set(peer, end);
      os.close(copy);
    }
    os.close(pidfd);
  }
  return { connecting, accepted };
}

/**
 * A descriptor of our own for a program's end of a connection, or a negative errno; the caller closes it. `limit` bounds the descriptors that are
 * looked at.
 */
export function findEnd(
  os: Omit<HeldVerbs, 'queued' | 'outq'>,
  gwid: string,
  wanted: { serial: number; role: 'connect' | 'accept' },
  pids: Iterable<number>,
  limit: number,
): number {
  let left = limit;
  for (const pid of pids) {
    const pidfd = os.pidfdOpen(pid);
    if (pidfd < 0) continue;
    try {
      for (const fd of socketFds(pid)) {
        if (left-- <= 0) return -ENOENT;
        const copy = os.pidfdGetfd(pidfd, fd);
        if (copy < 0) continue;
        const name = wanted.role === 'connect' ? os.sockname(copy) : os.peername(copy);
        if (serialOf(gwid, name) === wanted.serial) return copy;
        os.close(copy);
      }
    } finally {
      os.close(pidfd);
    }
  }
  return -ENOENT;
}

function serialOf(gwid: string, name: Uint8Array | undefined | number): number | undefined {
  if (typeof name !== 'object' || name[0] !== 0) return undefined;
  return parseConnectionName(gwid, Buffer.from(name.subarray(1)).toString('latin1'))?.serial;
}

function socketFds(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/fd`)
      .filter((fd) => isSocket(`/proc/${pid}/fd/${fd}`))
      .map(Number);
  } catch {
    return [];
  }
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith('socket:');
  } catch {
    return false;
  }
}
