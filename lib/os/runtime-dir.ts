/** Folders and locks of a daemon: sockets and shared tables live where nobody else can plant something. */
import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { PolicyError, ResourceError, UsageError } from '#lib/core/errors.ts';
import type { NativeVerbs } from './native.ts';
import { os as real } from './native.ts';
import { osError } from './os-error.ts';

const EAGAIN = -11;

/**
 * Makes `path` (its parent must exist) or checks it: a real folder, owned by us, with no permission beyond
 * `mode`. PolicyError otherwise; nothing is repaired, since a folder that others could write is not ours. `advice`: what to do about
 * such a mode, for the end of the message.
 */
export function ensureRuntimeDir(path: string, mode = 0o700, advice?: string): string {
  try {
    mkdirSync(path, { mode });
    // The umask may have taken bits that were asked for.
    chmodSync(path, mode);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') throw new UsageError(`${path}: its parent does not exist`, 'ENOENT');
    if (code !== 'EEXIST') throw new PolicyError(`${path}: ${code}`, 'EACCES');
  }
  const st: Stats = lstatSync(path);
  if (!st.isDirectory()) throw new PolicyError(`${path} is not a folder`);
  if (st.uid !== process.getuid?.()) throw new PolicyError(`${path} belongs to user ${st.uid}`);
  const extra = st.mode & 0o7777 & ~mode & ~0o2000;
  if (extra !== 0) {
    const text = `${path} has mode ${(st.mode & 0o7777).toString(8)}, at most ${mode.toString(8)} is safe`;
    throw new PolicyError(advice === undefined ? text : `${text}: ${advice}`);
  }
  return path;
}

/** An exclusive lock for as long as this process lives, with our pid inside for people. */
export class LockFile {
  readonly path: string;
  #fd: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /** Undefined when another process holds it; `holder` says which. */
  static tryLock(path: string, os: Pick<NativeVerbs, 'flock'> = real): LockFile | undefined {
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
    for (;;) {
      const fd = openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o644);
      const result = os.flock(fd, true, true);
      if (result < 0) {
        closeSync(fd);
        if (result === EAGAIN) return undefined;
        throw osError(result, `Locking ${path}`);
      }
      // One that was removed between open and lock is not the file that others see.
      if (statSync(path, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino) {
        try {
          ftruncateSync(fd);
          writeSync(fd, `${process.pid}\n`, 0);
        } catch (error) {
          closeSync(fd);
          throw new ResourceError(`${path} cannot be written: ${(error as Error).message}`);
        }
        return new LockFile(path, fd);
      }
      closeSync(fd);
    }
  }

  /** Pid in a lock file, undefined when there is none. */
  static holder(path: string): number | undefined {
    try {
      const pid = Number.parseInt(readFileSync(path, 'utf8'), 10);
      return Number.isInteger(pid) && pid > 0 ? pid : undefined;
    } catch {
      return undefined;
    }
  }

  /** Also removes the file. Idempotent. */
  remove(): void {
    if (this.#fd >= 0) rmSync(this.path, { force: true });
    this.release();
  }

  /** The file stays. Idempotent. */
  release(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}
