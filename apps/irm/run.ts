/**
 * One run of irm: words in, exit status out (semantics 3.3).
 *
 * 0: done, and silent unless there is something to show; 1: failed, with the reason on stderr; 255: called without
 * arguments. With --json the result, also that of an action, is JSON on stdout, and a failure is JSON on stderr.
 */
import type { Millis } from '#lib/core/index.ts';
import type { Irm } from './client.ts';
import { root } from './commands/index.ts';
import { COMPLETE, complete } from './completion/complete.ts';
import { explain, type Failure } from './explain.ts';
import { type Globals, splitGlobals } from './globals.ts';
import type { Args, Command } from './grammar/command.ts';
import { parse } from './grammar/parse.ts';
import { usage } from './grammar/usage.ts';

export interface Deps {
  /** Rejects with EIRMD when there is no irmd. `timeout`: for each of its answers. */
  connect(dir: string | undefined, timeout?: Millis): Promise<Irm>;
  devices(): string[];
  out(text: string): void;
  err(text: string): void;
  readonly cwd: string;
  readonly version: string;
}

export const Exit = { ok: 0, failed: 1, noArguments: 255 } as const;
export type Exit = (typeof Exit)[keyof typeof Exit];

export async function run(argv: readonly string[], deps: Deps): Promise<Exit> {
  if (argv[0] === COMPLETE) {
    deps.out(await complete(argv.slice(1), root, deps));
    return Exit.ok;
  }
  const globals = splitGlobals(argv);
  if (globals.version) {
    deps.out(globals.json ? json({ version: deps.version }) : `irm ${deps.version}\n`);
    return Exit.ok;
  }
  const parsed = parse(globals.words, root, globals.help);
  switch (parsed.kind) {
    case 'help': {
      const text = usage(parsed.path, parsed.node);
      if (parsed.asked) deps.out(text);
      else deps.err(text);
      if (parsed.asked) return Exit.ok;
      return globals.words.length === 0 ? Exit.noArguments : Exit.failed;
    }
    case 'error':
      report({ ...parsed.complaint, code: 'EINVAL', fault: 'usage' }, globals, deps);
      return Exit.failed;
    case 'run':
      return execute(parsed.command, parsed.args, globals, deps);
  }
}

async function execute(command: Command, args: Args, globals: Globals, deps: Deps): Promise<Exit> {
  let irm: Irm | undefined;
  try {
    if (!command.offline) irm = await deps.connect(globals.dir);
    const note = (text: string) => deps.err(`${text}\n`);
    const reply = await command.run(args, { irm: irm!, cwd: deps.cwd, note });
    deps.out(globals.json ? json(reply.json) : reply.text());
    return Exit.ok;
  } catch (error) {
    report(await explain(error, command, args, irm), globals, deps);
    return Exit.failed;
  } finally {
    irm?.close();
  }
}

function report(failure: Failure, globals: Globals, deps: Deps): void {
  const { code, fault, text, hints } = failure;
  if (globals.json) deps.err(json({ error: { code, fault, message: text, hints } }));
  else deps.err([text, ...hints, ''].join('\n'));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
