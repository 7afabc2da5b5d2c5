/**
 * Where a host's daemon lives: the runtime folder with its sockets, lock and state (docs/protocols/control.md).
 * Functions take environment and user as arguments; main.ts files supply them.
 */
import { chmodSync, chownSync, existsSync, lstatSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
// Not the indexes: they would triple the start-up time of short programs such as `irm`.
import { type OuroError, PolicyError, UsageError } from '#lib/core/errors.ts';
import { ensureRuntimeDir } from '#lib/os/runtime-dir.ts';

export type Env = Readonly<Record<string, string | undefined>>;

/** Members of this group may manage the system's daemon. */
export const GROUP = 'ouroboros';
const SYSTEM_DIR = '/run/ouroboros';

export interface RuntimeDir {
  path: string;
  /** 0o700, or 0o750 when `gid` is given. */
  mode: number;
  /** Group of the folder: its members may connect. */
  gid?: number;
}

/**
 * Folder of a daemon that this user starts. The system's one belongs to group `ouroboros`; where there is none, to the own group
 * of the user who started it through sudo (named like the user: nobody else is in it unless put there).
 * @param groupId gid of a group by name, undefined when there is no such group.
 * @throws UsageError when $OUROBOROS_DIR is not an absolute path.
 */
export function daemonDir(
  env: Env,
  uid: number,
  groupId: (name: string) => number | undefined = () => undefined,
): RuntimeDir {
  const given = explicitDir(env);
  if (given !== undefined) return { path: given, mode: 0o700 };
  if (uid !== 0) return { path: userDir(env, uid), mode: 0o700 };
  const gid = groupId(GROUP) ?? sudoGroup(env, groupId);
  return gid === undefined
    ? { path: SYSTEM_DIR, mode: 0o700 }
    : { path: SYSTEM_DIR, mode: 0o750, gid };
}

/**
 * Makes the folder, or checks the one that is there.
 * @throws PolicyError for a symbolic link, another owner or a looser mode.
 */
export function prepareDir(dir: RuntimeDir): string {
  const found = lstatSync(dir.path, { throwIfNoEntry: false });
  // The group may have come or gone since the folder was made; what others may do is not repaired.
  const hadGroup =
    found?.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o7777) === 0o750;
  if (hadGroup && dir.gid === undefined) chmodSync(dir.path, dir.mode);
  ensureSafeDir(dir.path, dir.mode);
  if (dir.gid !== undefined && (found?.gid !== dir.gid || (found.mode & 0o777) !== dir.mode)) {
    chownSync(dir.path, -1, dir.gid);
    // A change of group may clear bits of the mode.
    chmodSync(dir.path, dir.mode);
  }
  return dir.path;
}

/**
 * Makes or checks a runtime folder or one inside it, as `prepareDir`, and says what to do about one that is not safe.
 * @throws PolicyError for a symbolic link, another owner or a looser mode.
 */
export function ensureSafeDir(path: string, mode = 0o700): string {
  return ensureRuntimeDir(path, mode, 'remove it, or set OUROBOROS_DIR to another folder');
}

/** Folders in which a client looks for a daemon, in order: the first whose `irm.sock` answers is used. */
export function clientDirs(env: Env, uid: number): string[] {
  const given = explicitDir(env);
  if (given !== undefined) return [given];
  return uid === 0 ? [SYSTEM_DIR] : [SYSTEM_DIR, userDir(env, uid)];
}

/**
 * Why a client must not trust a folder, undefined when it may: somebody else could have put a socket there.
 * A folder that does not exist gives ENOENT.
 */
export function whyNotTrusted(path: string, uid: number): OuroError | undefined {
  try {
    const st = lstatSync(path);
    if (!st.isDirectory()) return new PolicyError(`${path} is not a folder`);
    if (st.uid !== uid && st.uid !== 0)
      return new PolicyError(`${path} belongs to user ${st.uid}, neither root nor you`);
    if ((st.mode & 0o022) !== 0)
      return new PolicyError(
        `${path} can be written by others: mode ${(st.mode & 0o777).toString(8)}`,
      );
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR')
      return new UsageError(`${path} does not exist`, 'ENOENT');
    return new PolicyError(`${path}: ${code}`, 'EACCES');
  }
}

/** Control socket of irmd. */
export function irmSocket(dir: string): string {
  return join(dir, 'irm.sock');
}

/** Gid of a group from the text of /etc/group. */
export function groupIdIn(etcGroup: string, name: string): number | undefined {
  for (const line of etcGroup.split('\n')) {
    const [group, , gid] = line.split(':');
    if (group === name && gid !== undefined && /^\d+$/.test(gid)) return Number(gid);
  }
  return undefined;
}

function explicitDir(env: Env): string | undefined {
  const given = env.OUROBOROS_DIR;
  if (given === undefined || given === '') return undefined;
  if (!isAbsolute(given)) throw new UsageError(`OUROBOROS_DIR is not an absolute path: ${given}`);
  return given.length > 1 ? given.replace(/\/+$/, '') : given;
}

/** Gid of the own group of the user who called sudo, if there is one. */
function sudoGroup(env: Env, groupId: (name: string) => number | undefined): number | undefined {
  const { SUDO_USER: user, SUDO_GID: gid } = env;
  if (user === undefined || user === 'root' || gid === undefined) return undefined;
  const own = groupId(user);
  return own !== undefined && String(own) === gid ? own : undefined;
}

function userDir(env: Env, uid: number): string {
  const xdg = env.XDG_RUNTIME_DIR;
  return xdg !== undefined && isAbsolute(xdg) && existsSync(xdg)
    ? join(xdg, 'ouroboros')
    : `/tmp/ouroboros-${uid}`;
}
