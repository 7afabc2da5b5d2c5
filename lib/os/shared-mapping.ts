/** Memory shared with other processes. After `close` every view of it is empty. */
import type { NativeVerbs } from './native.ts';
import { os as real } from './native.ts';
import { check } from './os-error.ts';

type Verbs = Pick<NativeVerbs, 'mmapFd' | 'openShared' | 'unmap' | 'punch'>;

export class SharedMapping {
  readonly buffer: ArrayBuffer;
  readonly #os: Verbs;

  private constructor(buffer: ArrayBuffer, os: Verbs) {
    this.buffer = buffer;
    this.#os = os;
  }

  /** The first `size` bytes of `fd`, which the caller may close. */
  static ofFd(fd: number, size: number, os: Verbs = real): SharedMapping {
    return new SharedMapping(
      check<ArrayBuffer>(os.mmapFd(fd, size), `Mapping ${size} bytes of fd ${fd}`),
      os,
    );
  }

  /** A file in a folder that only trusted users can write: whoever truncates it kills us. */
  static ofFile(path: string, size: number, mode = 0o600, os: Verbs = real): SharedMapping {
    return new SharedMapping(
      check<ArrayBuffer>(os.openShared(path, size, mode), `Mapping ${path}`),
      os,
    );
  }

  /** Gives the whole pages of a range back to the kernel; they read as zeros for everybody. */
  punch(off: number, len: number): void {
    this.#os.punch(this.buffer, off, len);
  }

  /** Idempotent. */
  close(): void {
    this.#os.unmap(this.buffer);
  }
}
