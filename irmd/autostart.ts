/**
 * Starts bound programs (`irm bind program … auto`) when a flow is requested and nobody accepts, and reaps them.
 *
 * Owns the children, BOUNDED by limits.children. One instance of a binding starts at a time: a burst of requests
 * waits for it. A program that ends before it accepts anything is not started again for a while that doubles with
 * each failure.
 */
import type { Clock, Logger, Millis } from '#lib/core/index.ts';
import type { ChildProcess } from './host.ts';
import type { Limits } from './limits.ts';
import type { AutoStart, Binding, ProgramTable } from './registry/index.ts';

export interface AutostartDeps {
  programs: Pick<ProgramTable, 'autoFor'>;
  /** Throws OuroError when the program cannot be started. */
  spawn(path: string, auto: AutoStart): ChildProcess;
  clock: Pick<Clock, 'after' | 'now'>;
  log: Logger;
  /** A program of this name ended before it accepted anything. */
  onFailure(name: string): void;
}

export interface AutostartConfig {
  limits: Pick<Limits, 'children'>;
  /** From the start of a program to its first accept. Then another one may be started. */
  startTimeout: Millis;
  firstBackoff: Millis;
  maxBackoff: Millis;
}

export const defaultAutostart = { startTimeout: 10_000, firstBackoff: 250, maxBackoff: 30_000 };

interface Child {
  process: ChildProcess;
  binding: Binding;
  /** Has not accepted yet; `until` ends the patience. */
  starting: boolean;
  until: Millis;
}

interface Failures {
  backoff: Millis;
  notBefore: Millis;
}

export class Autostart {
  readonly #deps: AutostartDeps;
  readonly #config: AutostartConfig;
  /** By pid. BOUNDED by limits.children. */
  readonly #children = new Map<number, Child>();
  /** BOUNDED by the bindings: an entry goes when its program accepts, or with its binding. */
  readonly #failures = new WeakMap<Binding, Failures>();
  #stopping = false;

  constructor(deps: AutostartDeps, config: AutostartConfig) {
    this.#deps = deps;
    this.#config = config;
  }

  get children(): number {
    return this.#children.size;
  }

  /** Is there a program to start for the name? */
  has(name: string): boolean {
    return this.#deps.programs.autoFor(name) !== undefined;
  }

  /** True when an instance is starting, by this call or by an earlier one. */
  start(name: string): boolean {
    const binding = this.#deps.programs.autoFor(name);
    if (binding?.auto === undefined) return false;
    if (this.#isStarting(binding)) return true;
    const now = this.#deps.clock.now();
    if ((this.#failures.get(binding)?.notBefore ?? 0) > now) return false;
    if (this.#children.size >= this.#config.limits.children) {
      this.#deps.log.warn(`${binding.path} is not started: ${this.#children.size} programs run`);
      return false;
    }
    return this.#spawn(binding, binding.auto, now);
  }

  /** The process accepts flows: it has started. */
  accepts(pid: number): void {
    const child = this.#children.get(pid);
    if (child?.starting !== true) return;
    child.starting = false;
    this.#failures.delete(child.binding);
  }

  /** Ends every child: SIGTERM now, SIGKILL after `grace`. Resolves when they are gone. */
  async stop(grace: Millis): Promise<void> {
    this.#stopping = true;
    const gone = [...this.#children.values()].map(({ process }) => {
      process.kill('SIGTERM');
      return new Promise<void>((resolve) => {
        const timer = this.#deps.clock.after(grace, () => process.kill('SIGKILL'), true);
        process.onExit(() => {
          timer.cancel();
          resolve();
        });
      });
    });
    await Promise.all(gone);
  }

  #isStarting(binding: Binding): boolean {
    const now = this.#deps.clock.now();
    for (const child of this.#children.values())
      if (child.binding === binding && child.starting && child.until > now) return true;
    return false;
  }

  #spawn(binding: Binding, auto: AutoStart, now: Millis): boolean {
    const { log } = this.#deps;
    let process: ChildProcess;
    try {
      process = this.#deps.spawn(binding.path, auto);
    } catch (error) {
      log.error(`Cannot start ${binding.path} for ${binding.name}: ${String(error)}`);
      this.#failed(binding);
      return false;
    }
    const until = now + this.#config.startTimeout;
    const child: Child = { process, binding, starting: true, until };
    this.#children.set(process.pid, child);
    log.info(`Instantiated ${binding.path} as process ${process.pid}.`);
    log.info(`Starting ${binding.path} for ${binding.name}.`);
    process.onExit((how) => {
      this.#children.delete(process.pid);
      if (!child.starting || this.#stopping) return;
      log.warn(`${binding.path} (${process.pid}) ended before it accepted a flow: ${how}.`);
      this.#failed(binding);
      this.#deps.onFailure(binding.name);
    });
    return true;
  }

  #failed(binding: Binding): void {
    const { firstBackoff, maxBackoff } = this.#config;
    const before = this.#failures.get(binding)?.backoff;
    const backoff = before === undefined ? firstBackoff : Math.min(2 * before, maxBackoff);
    const notBefore = this.#deps.clock.now() + backoff;
    this.#failures.set(binding, { backoff, notBefore });
  }
}
