/** What /proc tells about processes of our user. Everything may vanish while it is read: that is an ordinary answer. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

/** Undefined when it has gone. */
export function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

/** Start time in clock ticks since boot: with the pid it names a process for good. Undefined when it has gone. */
export function startTime(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in brackets, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const ticks = Number(fields[19]);
    return Number.isFinite(ticks) ? ticks : undefined;
  } catch {
    return undefined;
  }
}

/** Parent of every process that there is. */
export function parents(): Map<number, number> {
  const found = new Map<number, number>();
  for (const pid of pids()) {
    const parent = parentOf(pid);
    if (parent !== undefined) found.set(pid, parent);
  }
  return found;
}

/** The processes, and all that descend from them: a child that never asks the gateway for anything may hold its parent's sockets. */
export function withDescendants(
  known: Iterable<number>,
  parent: ReadonlyMap<number, number>,
): Set<number> {
  const family = new Set(known);
  for (const start of parent.keys()) {
    const line: number[] = [];
    let pid: number | undefined = start;
    while (pid !== undefined && pid !== 0 && !family.has(pid)) {
      line.push(pid);
      pid = parent.get(pid);
    }
    if (pid !== undefined && family.has(pid)) for (const p of line) family.add(p);
  }
  return family;
}

export function executable(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/exe`).replace(/ \(deleted\)$/, '');
  } catch {
    return undefined;
  }
}

/**
 * Name by which programs are bound: the executable's basename; for an interpreter that of its script, as libouroboros announces
 * itself.
 */
export function programName(pid: number, path: string): string {
  const name = basename(path);
  if (!/^(python|node)[0-9.]*$/.test(name)) return name;
  try {
    const args = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const script = args[1];
    return script === undefined || script === '' || script.startsWith('-')
      ? name
      : basename(script);
  } catch {
    return name;
  }
}

/** Which process of this user holds each of the sockets open; the lowest pid when several do. */
export function socketHolders(inodes: ReadonlySet<number>): Map<number, number> {
  const holders = new Map<number, number>();
  for (const pid of pids()) {
    for (const ino of socketsOf(pid)) {
      if (inodes.has(ino) && !holders.has(ino)) holders.set(ino, pid);
    }
    if (holders.size === inodes.size) break;
  }
  return holders;
}

/** Inode numbers of the sockets that a process holds open. */
export function socketsOf(pid: number): number[] {
  const found: number[] = [];
  let fds: string[];
  try {
    fds = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return found;
  }
  for (const fd of fds) {
    try {
      const match = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`));
      if (match !== null) found.push(Number(match[1]));
    } catch {
      // Closed meanwhile.
    }
  }
  return found;
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}
