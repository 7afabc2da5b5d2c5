/** Runs program.mjs as a child: a program of another process or another user. For tests. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';

type Answer = Record<string, unknown> & {
  r?: Record<string, unknown>;
  e?: { code: string; message: string };
};

export class ChildProgram {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  private constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#reader = createInterface({ input: child.stdout });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  /** The first answer is `{pid}`, or `{errno}` when it could not connect. */
  static async start(
    socket: string,
    ...options: string[]
  ): Promise<{ program: ChildProgram; hello: Answer }> {
    const script = fileURLToPath(new URL('./program.mjs', import.meta.url));
    const program = new ChildProgram(
      spawn(process.execPath, ['--no-warnings', script, socket, ...options]),
    );
    program.#child.stderr.pipe(process.stderr);
    return { program, hello: await program.next() };
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async next(): Promise<Answer> {
    const { value, done } = await this.#lines.next();
    return done ? { closed: true } : JSON.parse(value);
  }

  send(m: string, p: object = {}): void {
    this.#child.stdin.write(`${JSON.stringify({ m, p })}\n`);
  }

  sendRaw(bytes: readonly number[]): void {
    this.#child.stdin.write(`${JSON.stringify({ raw: bytes })}\n`);
  }

  call(m: string, p: object = {}): Promise<Answer> {
    this.send(m, p);
    return this.next();
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
    this.#reader.close();
  }
}
