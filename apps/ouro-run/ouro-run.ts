/** What ouro-run does, given a process's surroundings. Returns an exit status; `exec` does not return when it works. */
import { basename } from 'node:path';
import { OuroError } from '#lib/core/errors.ts';
import { type Caller, findProgram } from './find-program.ts';
import type { Options } from './options.ts';

/** A connection to `<gw>/admin`. */
export interface Admin {
  call(method: string, params: unknown, timeout: number): Promise<unknown>;
  close(): void;
}

export interface RuleLine {
  where: string;
  text: string;
}

export interface CheckedRules {
  /** Printed form of each rule. */
  rules: string[];
  problems: { where: string; text: string }[];
}

export interface RunDeps {
  out(text: string): void;
  err(text: string): void;
  readonly caller: Caller;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: () => string;
  /** Lines of a rule file. Throws OuroError when it cannot be read. */
  readonly readRules: (file: string) => Promise<RuleLine[]>;
  readonly checkRules: (lines: RuleLine[]) => Promise<CheckedRules>;
  /** Connects to the gateway, started when there is none. */
  readonly gateway: () => Promise<Admin>;
  /** Connects to a gateway that runs; undefined when there is none. */
  readonly running: () => Admin | undefined;
  /** Resolves when nothing answers any more, or after some seconds. */
  readonly stopped: () => Promise<void>;
  readonly exec: (path: string, argv: readonly string[], env: readonly string[]) => number;
  readonly folder: string;
  readonly shim: string;
}

export const OWN_FAILURE = 125;
const ADMIN_TIMEOUT_MS = 5000;

export async function ouroRun(options: Options, deps: RunDeps): Promise<number> {
  if (options.help) return print(deps, (await import('./help.ts')).HELP);
  if (options.version) return print(deps, `ouro-run ${deps.version()}\n`);
  if (options.stop) return stop(deps);
  const [command] = options.command;
  if (command === undefined && !options.check && !options.print) {
    deps.err('No program was given; see ouro-run --help');
    return OWN_FAILURE;
  }
  const rules = await collectRules(options, deps);
  if (options.check || options.print) return check(options, deps, rules);
  return run(options, deps, rules);
}

async function run(options: Options, deps: RunDeps, rules: RuleLine[]): Promise<number> {
  const [command = '', ...args] = options.command;
  const found = findProgram(command, deps.caller);
  if ('problem' in found) {
    deps.err(found.problem);
    return found.status;
  }
  const admin = await deps.gateway();
  const params = { names: options.names, rules, program: found.path, direct: options.direct };
  const { run: id } = (await admin.call('run_create', params, ADMIN_TIMEOUT_MS)) as { run: number };
  admin.close();
  const env = environment(deps, { id, verbose: options.verbose });
  const failed = deps.exec(found.path, [command, ...args], env);
  deps.err(`${command}: cannot be executed (errno ${-failed})`);
  return 126;
}

/** The shim comes first in LD_PRELOAD; other preloads stay. */
function environment(deps: RunDeps, run: { id: number; verbose: boolean }): string[] {
  const {
    LD_PRELOAD: before = '',
    OURO_VERBOSE: _v,
    OURO_NOFILE: _n,
    OURO_FDS: _f,
    OURO_SIGIGN: _s,
    ...rest
  } = deps.env;
  const others = before
    .split(/[ :]+/)
    .filter((p) => p !== '' && basename(p) !== basename(deps.shim));
  const own = {
    LD_PRELOAD: [deps.shim, ...others].join(':'),
    OURO_GATEWAY: deps.folder,
    OURO_RUN: String(run.id),
    ...(run.verbose ? { OURO_VERBOSE: '1' } : {}),
  };
  return Object.entries({ ...rest, ...own })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${value}`);
}

async function collectRules(options: Options, deps: RunDeps): Promise<RuleLine[]> {
  const lines = options.rules.map((text, i) => ({ where: `-r ${i + 1}`, text }));
  for (const file of options.ruleFiles) lines.push(...(await deps.readRules(file)));
  return lines;
}

async function check(options: Options, deps: RunDeps, lines: RuleLine[]): Promise<number> {
  const { rules, problems } = await deps.checkRules(lines);
  for (const { where, text } of problems) deps.err(`${where}: ${text}`);
  if (options.print) {
    for (const [i, rule] of rules.entries()) deps.out(`${i + 1}  ${rule}\n`);
    deps.out(DEFAULTS);
  }
  const [command] = options.command;
  const found = command === undefined ? undefined : findProgram(command, deps.caller);
  if (found !== undefined && 'problem' in found) {
    deps.err(found.problem);
    return found.status;
  }
  if (problems.length > 0) return OWN_FAILURE;
  if (options.check && !options.print) {
    const program = found === undefined ? '' : `, ${found.path} can be run`;
    deps.out(`${rules.length} rule${rules.length === 1 ? '' : 's'} ok${program}\n`);
  }
  return 0;
}

const DEFAULTS = `-  in,flow
-  out,flow to names of Ouroboros, loopback and this host's addresses, broadcast and multicast
-  out,pass everything else
`;

async function stop(deps: RunDeps): Promise<number> {
  const admin = deps.running();
  if (admin === undefined) {
    deps.out('No gateway is running\n');
    return 0;
  }
  try {
    await admin.call('stop', {}, ADMIN_TIMEOUT_MS);
    await deps.stopped();
  } catch (error) {
    // It may be gone before it has answered.
    if (!(error instanceof OuroError) || error.code !== 'EPIPE') throw error;
  }
  admin.close();
  return 0;
}

function print(deps: RunDeps, text: string): number {
  deps.out(text);
  return 0;
}
