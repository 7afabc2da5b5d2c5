/**
 * Keeps an IpcpHost connected to its irmd. When irmd goes away, IPCPs and flows go on, and ipcpd tries to reach the next
 * irmd of the same folder, which adopts it; after `giveUp` it ends. An irmd that refuses the hello has an ipcpd
 * of its own: then this one ends at once.
 *
 * Owns one connection at a time.
 */
import {
  CanceledError,
  type Clock,
  deferred,
  Fault,
  type Logger,
  type Millis,
  OuroError,
  type Random,
  sleep,
  TimeoutError,
} from '#lib/core/index.ts';
import type { IpcpHost } from '#lib/ipcp-dev/index.ts';
import { type Channel, RpcPeer } from '#lib/rpc/index.ts';

export interface IpcpdDeps {
  host: Pick<IpcpHost, 'attach' | 'hello' | 'methods' | 'onEvent'>;
  clock: Clock;
  random: Random;
  log: Logger;
  /** Throws OuroError while nobody serves the socket. */
  connect(): Channel;
  closeFd(fd: number): void;
}

export interface IpcpdConfig {
  /** First pause between attempts; it doubles up to `maxPause`, each time shortened by up to a quarter. */
  firstPause: Millis;
  maxPause: Millis;
  /** Without irmd for so long: end. */
  giveUp: Millis;
  /** For irmd to answer the hello. */
  helloTimeout: Millis;
}

/** irmd waits 5 s for the ipcpd that it adopts. */
export const defaultIpcpd: IpcpdConfig = {
  firstPause: 20,
  maxPause: 500,
  giveUp: 5 * 60_000,
  helloTimeout: 5000,
};

export class Ipcpd {
  readonly #deps: IpcpdDeps;
  readonly #config: IpcpdConfig;

  constructor(deps: IpcpdDeps, config: IpcpdConfig = defaultIpcpd) {
    this.#deps = deps;
    this.#config = config;
  }

  /**
   * Resolves when `signal` says so. Throws TimeoutError when irmd stays away, and irmd's PolicyError when it wants
   * none of this process.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    let deadline = clock.now() + this.#config.giveUp;
    let pause = this.#config.firstPause;
    while (!signal.aborted) {
      try {
        const { closed } = await this.#greet(signal);
        pause = this.#config.firstPause;
        await closed;
        deadline = clock.now() + this.#config.giveUp;
        if (!signal.aborted) log.warn('irmd went away; IPC processes and flows go on.');
      } catch (error) {
        if (!(error instanceof OuroError)) throw error;
        if (signal.aborted) return;
        if (error.fault === Fault.policy) throw error;
        if (clock.now() >= deadline)
          throw new TimeoutError(`No irmd for ${this.#config.giveUp} ms: ${error.message}`);
        if (pause === this.#config.firstPause) log.warn(`${error.message}; trying again.`);
        await this.#rest(pause, signal);
        pause = Math.min(2 * pause, this.#config.maxPause);
      }
    }
  }

  /** Connects and says hello. `closed`: the connection has ended. */
  async #greet(signal: AbortSignal): Promise<{ closed: Promise<void> }> {
    const { host, clock, connect, closeFd } = this.#deps;
    const peer = new RpcPeer(
      { channel: connect(), clock, closeFd },
      { methods: host.methods, onEvent: host.onEvent },
    );
    const gone = deferred<void>();
    const stop = () => peer.close();
    signal.addEventListener('abort', stop, { once: true });
    peer.onClose(() => {
      signal.removeEventListener('abort', stop);
      gone.resolve();
    });
    host.attach(peer);
    try {
      await peer.call('ipcpd_hello', host.hello(), { timeout: this.#config.helloTimeout });
    } catch (error) {
      peer.close();
      throw error;
    }
    return { closed: gone.promise };
  }

  async #rest(pause: Millis, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#deps;
    await sleep(clock, pause * (1 - random.float() / 4), signal).catch((error) => {
      if (!(error instanceof CanceledError)) throw error;
    });
  }
}
