/**
 * State of one network interface, and word when it changes. Owns a netlink socket, whose messages only cause a look: a lost one costs
 * nothing, since the next look sees everything.
 */
import type { InterfaceInfo, NativeVerbs } from './native.ts';
import { os as real, WatchEvent } from './native.ts';
import { check } from './os-error.ts';
import { Watch } from './watch.ts';

const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;
/** How often a burst of messages is read before the event loop gets its turn. */
const READS = 64;

/** Up, and its cable is plugged in. */
export function isRunning({ flags }: InterfaceInfo): boolean {
  return (flags & (IFF_UP | IFF_RUNNING)) === (IFF_UP | IFF_RUNNING);
}

type Verbs = Pick<NativeVerbs, 'interfaceInfo' | 'linkChanges' | 'recv' | 'close' | 'watch'>;

export class InterfaceWatch {
  readonly #os: Verbs;
  readonly #name: string;
  readonly #fd: number;
  readonly #watch: Watch;
  readonly #scratch = new Uint8Array(8192);
  #last: string;
  #closed = false;

  /** `onChange` gets undefined when the interface has gone. UsageError when there is no such interface now. */
  constructor(name: string, onChange: (info: InterfaceInfo | undefined) => void, os: Verbs = real) {
    this.#os = os;
    this.#name = name;
    this.#fd = check<number>(os.linkChanges(), 'Watching network interfaces');
    this.#last = describe(this.#info());
    this.#watch = new Watch(os, this.#fd, WatchEvent.readable, (status) => {
      if (this.#closed) return;
      this.#drain();
      if (status < 0) this.#watch.resume();
      const info = this.#info();
      const now = describe(info);
      if (now === this.#last) return;
      this.#last = now;
      onChange(info);
    });
  }

  unref(): void {
    this.#watch.unref();
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#os.close(this.#fd);
  }

  #drain(): void {
    const { length } = this.#scratch;
    // A full queue (ENOBUFS) is an error once, then there is more to read.
    let quiet = 0;
    for (let i = 0; i < READS && quiet < 2; i++)
      if (this.#os.recv(this.#fd, this.#scratch, 0, length) <= 0) quiet++;
  }

  #info(): InterfaceInfo | undefined {
    const info = this.#os.interfaceInfo(this.#name);
    return typeof info === 'number' ? undefined : info;
  }
}

function describe(info: InterfaceInfo | undefined): string {
  return info === undefined ? '' : `${info.index} ${info.mac.join()} ${info.mtu} ${info.flags}`;
}
