/**
 * The kernel's list of AF_UNIX sockets, /proc/net/unix: which sockets still exist, and which connections are up. This
 * is how the end of a socket is noticed that no process reports.
 *
 * Reading it is not atomic: a socket that moves between the kernel's hash chains (bind) can be missed once. Callers
 * act on a socket's absence only when two readings in a row lack it.
 */
import { closeSync, openSync, readSync } from 'node:fs';

export interface SocketList {
  readonly inodes: ReadonlySet<number>;
  /** Abstract names without their NUL that start with the wanted prefix -> inode. */
  readonly names: ReadonlyMap<string, number>;
}

export class SocketListReader {
  readonly #path: string;
  #buffer = Buffer.allocUnsafe(1 << 16);

  constructor(config: { path?: string } = {}) {
    this.#path = config.path ?? '/proc/net/unix';
  }

  /** `prefix`: of abstract names, such as `ouro/1a2b3c4d/`. */
  read(prefix: string): SocketList {
    const length = this.#slurp();
    return parseSocketList(this.#buffer.toString('latin1', 0, length), prefix);
  }

  #slurp(): number {
    const fd = openSync(this.#path, 'r');
    try {
      let length = 0;
      for (;;) {
        if (length === this.#buffer.length) {
          this.#buffer = Buffer.concat([this.#buffer], this.#buffer.length * 2);
        }
        const got = readSync(fd, this.#buffer, length, this.#buffer.length - length, -1);
        if (got === 0) return length;
        length += got;
      }
    } finally {
      closeSync(fd);
    }
  }
}

/** Columns: Num RefCount Protocol Flags Type St Inode Path; the inode's field starts where `Inode` does or before. */
export function parseSocketList(text: string, prefix: string): SocketList {
  const inodes = new Set<number>();
  const names = new Map<string, number>();
  const wanted = `@${prefix}`;
  let start = text.indexOf('\n') + 1;
  while (start > 0 && start < text.length) {
    let end = text.indexOf('\n', start);
    if (end < 0) end = text.length;
    let at = start;
    for (let field = 0; field < 6; field++) at = text.indexOf(' ', at) + 1;
    while (text.charCodeAt(at) === 32) at++;
    const space = text.indexOf(' ', at);
    const stop = space < 0 || space > end ? end : space;
    const ino = Number(text.slice(at, stop));
    if (ino > 0) inodes.add(ino);
    if (stop < end && text.startsWith(wanted, stop + 1)) names.set(text.slice(stop + 2, end), ino);
    start = end + 1;
  }
  return { inodes, names };
}
