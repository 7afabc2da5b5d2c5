/** Small stand-ins for the operating system: a child process and a log that can be read. For tests. */
import type { Logger } from '#lib/core/index.ts';
import type { ChildProcess } from '../host.ts';

export class FakeChild implements ChildProcess {
  readonly pid: number;
  readonly args: readonly string[];
  readonly signals: string[] = [];
  /** Ends only by SIGKILL. */
  stubborn = false;
  #ended: string | undefined;
  readonly #listeners: ((how: string) => void)[] = [];

  constructor(pid: number, args: readonly string[] = []) {
    this.pid = pid;
    this.args = args;
  }

  kill(signal: string): void {
    this.signals.push(signal);
    if (!this.stubborn || signal === 'SIGKILL') this.exit(`signal ${signal}`);
  }

  exit(how: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = how;
    for (const fn of this.#listeners.splice(0)) fn(how);
  }

  onExit(fn: (how: string) => void): void {
    if (this.#ended === undefined) this.#listeners.push(fn);
    else fn(this.#ended);
  }
}

export function recordingLogger(lines: string[]): Logger {
  const push = (text: string) => lines.push(text);
  return { debug: push, info: push, warn: push, error: push };
}
