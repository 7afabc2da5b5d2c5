/** A child process of a test: its output is kept (bounded), it can be waited for, and it never outlives the test. */
import { type ChildProcess, spawn } from 'node:child_process';

const KEEP_BYTES = 4 << 20;

export class Proc {
  readonly child: ChildProcess;
  readonly label: string;
  readonly exited: Promise<number>;
  /** BOUNDED by KEEP_BYTES each: the oldest half is dropped. */
  stdout = '';
  stderr = '';
  code: number | undefined;
  signal: NodeJS.Signals | undefined;

  constructor(argv: readonly string[], options: { env: NodeJS.ProcessEnv; cwd?: string }) {
    const [program = '', ...args] = argv;
    this.label = argv.join(' ');
    this.child = spawn(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      this.stdout = keep(this.stdout + text);
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr = keep(this.stderr + text);
    });
    this.child.stdin?.on('error', () => {}); // the program may end before it reads all
    this.exited = new Promise((resolve) => {
      this.child.on('error', (error) => {
        this.stderr += String(error);
        this.code = 127;
        resolve(127);
      });
      this.child.on('exit', (code, signal) => {
        const status = code ?? 128;
        this.code = status;
        this.signal = signal ?? undefined;
        // The last output comes with 'close'; a child of the program that holds the pipes delays that for ever.
        const late = setTimeout(() => resolve(status), 300);
        this.child.on('close', () => {
          clearTimeout(late);
          resolve(status);
        });
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  get alive(): boolean {
    return this.code === undefined;
  }

  get output(): string {
    return this.stdout + this.stderr;
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    if (this.alive) this.child.kill(signal);
  }

  /** Waits for the end; kills and throws with the output when it takes longer than `ms`. */
  async wait(ms: number): Promise<number> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), ms);
    });
    const first = await Promise.race([this.exited, late]);
    clearTimeout(timer);
    if (first !== 'late') return first;
    this.kill('SIGKILL');
    throw new Error(`${this.label} did not end within ${ms} ms:\n${this.output.slice(-4000)}`);
  }
}

function keep(text: string): string {
  return text.length > KEEP_BYTES ? text.slice(KEEP_BYTES / 2) : text;
}

type Truthy<T> = Exclude<T, false | '' | 0 | null | undefined>;

/** Polls until `check` gives something truthy; throws with `what` after `ms`. */
export async function waitFor<T>(
  what: string,
  check: () => T | Promise<T>,
  ms = 10_000,
): Promise<Truthy<T>> {
  const end = Date.now() + ms;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value) return value as Truthy<T>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`Waited ${ms} ms for ${what}; last: ${String(last)}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}
