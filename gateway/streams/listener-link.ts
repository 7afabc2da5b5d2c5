/**
 * Connects the accepting end of a relayed stream to the program's listening socket, under the name that spells the
 * connection. A full accept queue is waited for, as TCP would repeat its SYN.
 */
import { constants } from 'node:os';
import type { Clock, Millis, Timer } from '#lib/core/index.ts';
import type { NativeVerbs } from '#lib/os/index.ts';

const { EAGAIN } = constants.errno;
const FIRST_PAUSE: Millis = 2;
const LONGEST_PAUSE: Millis = 200;

export interface ListenerLinkDeps {
  readonly os: Pick<NativeVerbs, 'socket' | 'bindName' | 'connectName' | 'close'>;
  readonly clock: Pick<Clock, 'after'>;
  /** Its accept queue is full: it is waited for. Called at most once. */
  readonly full: () => void;
  /** A descriptor, or a negative errno. Called once, later or at once. */
  readonly done: (result: number) => void;
}

export interface ListenerLinkConfig {
  /** Bytes of sun_path of our end, and path of the listener. */
  readonly name: Uint8Array;
  readonly path: string;
  readonly patience: Millis;
}

export class ListenerLink {
  readonly #deps: ListenerLinkDeps;
  readonly #to: Uint8Array;
  readonly #patience: Millis;
  #fd: number;
  #pause = FIRST_PAUSE;
  #waited: Millis = 0;
  #timer: Timer | undefined;
  #over = false;

  constructor(deps: ListenerLinkDeps, config: ListenerLinkConfig) {
    this.#deps = deps;
    this.#to = Buffer.from(config.path);
    this.#patience = config.patience;
    this.#fd = deps.os.socket('stream');
    const bound = this.#fd < 0 ? this.#fd : deps.os.bindName(this.#fd, config.name);
    if (bound < 0) this.#end(bound);
    else this.#try();
  }

  /** `done` is not called after this. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#deps.os.close(this.#fd);
  }

  #try(): void {
    const result = this.#deps.os.connectName(this.#fd, this.#to);
    if (result >= 0) return this.#end(this.#fd);
    if (result !== -EAGAIN || this.#waited >= this.#patience) return this.#end(result);
    if (this.#waited === 0) this.#deps.full();
    this.#waited += this.#pause;
    this.#timer = this.#deps.clock.after(this.#pause, () => this.#try());
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  }

  #end(result: number): void {
    this.#over = true;
    if (result < 0 && this.#fd >= 0) this.#deps.os.close(this.#fd);
    this.#deps.done(result);
  }
}
