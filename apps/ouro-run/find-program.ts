/** Finds the program as a shell would, and says in a sentence why it cannot be run under the shim when that is so. */
import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Image, readImage } from './elf.ts';

/** Scripts whose interpreter is a script, as far as Linux follows. */
const MAX_SCRIPTS = 5;

export interface Caller {
  readonly uid: number;
  readonly gid: number;
  /** $PATH. */
  readonly path: string | undefined;
  readonly arch: string;
  /** File capabilities: the loader then ignores LD_PRELOAD. */
  readonly hasCapabilities: (path: string) => boolean;
}

export type Found =
  | { readonly path: string }
  /** `status`: exit status as env(1) has it: 127 not found, 126 cannot be run. */
  | { readonly status: 126 | 127; readonly problem: string };

export function findProgram(name: string, caller: Caller): Found {
  const path = name.includes('/') ? name : search(name, caller.path);
  if (path === undefined) return { status: 127, problem: `${name}: not found in $PATH` };
  return check(path, path, caller, 0) ?? { path };
}

/** The first executable file; else the first file, so that the error can say why. */
function search(name: string, path: string | undefined): string | undefined {
  let other: string | undefined;
  for (const folder of (path ?? '/usr/local/bin:/usr/bin:/bin').split(':')) {
    const candidate = join(folder === '' ? '.' : folder, name);
    const full = candidate.includes('/') ? candidate : `./${candidate}`;
    if (statOf(full)?.isFile() !== true) continue;
    if (executable(full)) return full;
    other ??= full;
  }
  return other;
}

function check(program: string, path: string, caller: Caller, depth: number): Found | undefined {
  const stat = statOf(path);
  const what = path === program ? program : `${program}: its interpreter ${path}`;
  if (stat === undefined)
    return { status: path === program ? 127 : 126, problem: `${what}: no such file` };
  if (!stat.isFile()) return { status: 126, problem: `${what}: not a file` };
  if (!executable(path)) return { status: 126, problem: `${what}: permission denied` };
  const privileged = whyPrivileged(path, stat, caller);
  if (privileged !== undefined)
    return {
      status: 126,
      problem: `${what} ${privileged}; the loader keeps the shim out of such programs. Run it without that privilege, or without ouro-run`,
    };
  const image = imageOf(path, caller.arch);
  switch (image?.kind) {
    case undefined:
      // It may be executed and not read; then the kernel and the shim's own hello decide.
      return undefined;
    case 'dynamic':
      return undefined;
    case 'script':
      if (depth >= MAX_SCRIPTS)
        return { status: 126, problem: `${program}: too many interpreters, one after the other` };
      return check(program, image.interpreter, caller, depth + 1);
    case 'unsuitable':
      return {
        status: 126,
        problem: `${what} is ${image.reason}. Use a dynamically linked build for this machine, or run it without ouro-run`,
      };
    case 'unknown':
      return { status: 126, problem: `${what} is neither an ELF program nor a script` };
  }
}

/** The kernel then starts the program in secure mode, in which LD_PRELOAD is ignored. */
function whyPrivileged(path: string, stat: Stats, caller: Caller): string | undefined {
  if ((stat.mode & 0o4000) !== 0 && stat.uid !== caller.uid) return `is setuid (user ${stat.uid})`;
  if ((stat.mode & 0o2010) === 0o2010 && stat.gid !== caller.gid)
    return `is setgid (group ${stat.gid})`;
  if (caller.uid !== 0 && caller.hasCapabilities(path)) return 'has file capabilities';
  return undefined;
}

function imageOf(path: string, arch: string): Image | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  try {
    return readImage((offset, length) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
    }, arch);
  } finally {
    closeSync(fd);
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
