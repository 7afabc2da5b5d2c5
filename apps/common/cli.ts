/**
 * What the flow tools share on their command lines: parsing without leaving the process, and errors
 * as one sentence with an exit code. 0: done; 1: it did not work, or the command line is wrong.
 */
import type { Argv } from 'yargs';
import { type Clock, OuroError, UsageError } from '#lib/core/index.ts';
import type { Dev } from '#lib/dev/index.ts';
import { strictParser } from './parser.ts';

/** What a tool is given instead of a process. */
export interface ToolIo {
  dev: Dev;
  clock: Clock;
  /** One line, or several. */
  out(text: string): void;
  err(text: string): void;
  /** ^C. */
  interrupt: AbortSignal;
  /** Binds this process to a name, after it has been announced. */
  bind(name: string): Promise<void>;
}

export type Output = Pick<ToolIo, 'out' | 'err'>;

/** Options, or the exit code when there is nothing to run: help, version, a wrong command line. */
export async function parseCommandLine<T>(
  declare: (parser: Argv) => Argv<T>,
  argv: readonly string[],
  io: Output,
): Promise<{ options: T } | { exit: number }> {
  const parser = declare(strictParser().wrap(96).version(false).help('help', 'show this text'));
  let failure: string | undefined;
  let shown = '';
  parser.fail((message, error) => {
    failure ??= message ?? error?.message ?? 'Wrong command line';
  });
  const options = await parser.parse([...argv], {}, (_error, _argv, output) => {
    shown = output;
  });
  if (failure !== undefined) {
    io.err(`${failure}\nTry --help`);
    return { exit: 1 };
  }
  if (shown !== '') {
    io.out(shown);
    return { exit: 0 };
  }
  return { options: options as unknown as T };
}

/** One line of JSON; numbers with at most 6 decimals, so that times in ms are exact to the nanosecond. */
export function toJson(value: object): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'number' ? Number(member.toFixed(6)) : member,
  );
}

/** Runs a tool's body; what it throws becomes a line on stderr and exit code 1. */
export async function reporting(io: Output, body: () => Promise<number>): Promise<number> {
  try {
    return await body();
  } catch (error) {
    io.err(explain(error));
    return 1;
  }
}

/** "Flow to x failed: … (ENAME, -1007)". Bugs keep their stack. */
export function explain(error: unknown): string {
  if (error instanceof UsageError && error.code === 'EINVAL') return error.message;
  if (error instanceof OuroError) return `${error.message} (${error.code}, ${-error.errno})`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Says what the prototype's tools say, and what to do about it. Gives the exit code. */
export function allocationFailed(io: Output, name: string, error: unknown): number {
  if (!(error instanceof OuroError)) throw error;
  io.err(`Failed to allocate flow: ${-error.errno}.`);
  io.err(hints[error.code]?.(name) ?? error.message);
  return 1;
}

const hints: Readonly<Record<string, (name: string) => string>> = {
  ENAME: (name) =>
    `Nobody offers "${name}". Bind a server to it: irm bind process PID name ${name}`,
  EIPCP: (name) =>
    `"${name}" is known, but no server accepts now or no layer of this host reaches it; see irm name list`,
};
