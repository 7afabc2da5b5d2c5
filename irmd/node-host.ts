/** The Host of a real machine: /proc, pidfds, rings in memfds, child processes. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ResourceError } from '#lib/core/index.ts';
import { resolveProgram } from '#lib/irm/index.ts';
import { os, PidWatch } from '#lib/os/index.ts';
import { createRing, defaultRingBytes, largestMtu, RingMeter } from '#lib/ring/index.ts';
import type { ChildProcess, Host, ProcessInfo, Rings } from './host.ts';
import type { AutoStart } from './registry/index.ts';
import { SpareRings } from './spare-rings.ts';

export interface NodeHostConfig {
  uid: number;
  /** Of programs and ipcpd. OUROBOROS_DIR in it leads them back to this irmd. */
  env: NodeJS.ProcessEnv;
  /** Program and arguments that run ipcpd; absent when it runs in this process. */
  ipcpd?: readonly [string, ...string[]];
  /** Capacity of a flow in each direction. */
  ringBytes?: number;
  /** Calls back at the end of this turn of the event loop: rings are made ahead then. Absent: they are made when they are wanted. */
  later?: (fn: () => void) => void;
}

export function nodeHost({ uid, env, ipcpd, ringBytes, later }: NodeHostConfig): Host {
  const rings = nodeRings(ringBytes);
  return {
    pid: process.pid,
    uid,
    rings: later === undefined ? rings : new SpareRings({ rings, later }),
    processInfo,
    groupsOf,
    watchProcess(pid, onExit) {
      const watch = new PidWatch(pid, onExit);
      watch.unref();
      return watch;
    },
    kill(pid, signal) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has gone, which is what was wanted.
      }
    },
    spawnProgram(path, auto) {
      const program = resolveProgram(path, { cwd: '/', path: undefined });
      return start(program, auto.args, identity(uid, env, auto));
    },
    ...(ipcpd && { spawnIpcpd: () => start(ipcpd[0], ipcpd.slice(1), { env }) }),
  };
}

/** Largest packet of a flow whose layer has no limit of its own. */
const MAX_MTU = 65_535;

/** What another user's program may see of our environment. */
const PUBLIC_ENV = ['PATH', 'LANG', 'TZ', 'OUROBOROS_DIR'];

/** Only root can start a program as somebody else; it then keeps its own environment to itself. */
function identity(
  uid: number,
  env: NodeJS.ProcessEnv,
  auto: AutoStart,
): { env: NodeJS.ProcessEnv; uid?: number; gid?: number } {
  if (uid !== 0 || auto.uid === 0) return { env };
  const allowed = Object.entries(env).filter(([key]) => PUBLIC_ENV.includes(key));
  return { env: Object.fromEntries(allowed), uid: auto.uid, gid: auto.gid };
}

/** In a session of its own: a signal from the terminal is for irmd, which ends its children itself. */
function start(
  path: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; uid?: number; gid?: number },
): ChildProcess {
  const child = spawn(path, args, {
    ...options,
    cwd: '/',
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  // Without a listener a failed start would end irmd.
  child.on('error', () => undefined);
  if (child.pid === undefined) throw new ResourceError(`Cannot start ${path}`, 'EAGAIN');
  const listeners: ((how: string) => void)[] = [];
  let ended: string | undefined;
  child.on('exit', (code, signal) => {
    ended = signal === null ? `exit status ${code}` : `signal ${signal}`;
    for (const fn of listeners.splice(0)) fn(ended);
  });
  return {
    pid: child.pid,
    kill: (signal) => void child.kill(signal),
    onExit(fn) {
      if (ended === undefined) listeners.push(fn);
      else fn(ended);
    },
  };
}

export function nodeRings(ringBytes: number = defaultRingBytes): Rings {
  const close = (fds: readonly number[]) => {
    for (const fd of fds) os.close(fd);
  };
  return {
    create(wanted) {
      const mtu = Math.min(wanted ?? MAX_MTU, largestMtu(ringBytes));
      const { memfd, bells } = createRing({ ringBytes, mtu });
      const second = os.dup(memfd, 0);
      if (second < 0) {
        close([memfd, ...bells]);
        throw new ResourceError('No descriptor is left for a flow', 'EMFILE');
      }
      const ends: [number[], number[]] = [
        [memfd, bells[0]],
        [second, bells[1]],
      ];
      const third = os.dup(memfd, 0);
      return { ends, mtu, ...(third >= 0 && { meter: new RingMeter({}, third) }) };
    },
    close,
  };
}

/** `/proc/<pid>/stat` has the name in parentheses, which may hold anything; what follows the last one is counted. */
export function processInfo(pid: number): ProcessInfo | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const end = stat.lastIndexOf(')');
    const startTime = Number(stat.slice(end + 2).split(' ')[19]);
    const status = statusOf(pid);
    const program = stat.slice(stat.indexOf('(') + 1, end);
    return { uid: ids(status, 'Uid')[1] ?? 0, gid: ids(status, 'Gid')[1] ?? 0, startTime, program };
  } catch {
    return undefined;
  }
}

export function groupsOf(pid: number): number[] {
  try {
    return ids(statusOf(pid), 'Groups');
  } catch {
    return [];
  }
}

function statusOf(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'latin1');
}

/** Real, effective, saved and file-system ids; or the supplementary groups. */
function ids(status: string, field: string): number[] {
  const line = new RegExp(`^${field}:(.*)$`, 'm').exec(status)?.[1] ?? '';
  return line.trim().split(/\s+/).filter(Boolean).map(Number);
}
