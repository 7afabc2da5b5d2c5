/**
 * `irm __complete WORDS`: the candidates for the last word, a line each, for the shells' scripts. Never fails, since a
 * shell is waiting: what cannot be looked up is left out.
 */
import type { Millis } from '#lib/core/index.ts';
import type { Irm } from '../client.ts';
import { globalOptions, splitGlobals } from '../globals.ts';
import type { Group } from '../grammar/command.ts';
import type { Ref } from '../grammar/params.ts';
import { known } from '../known.ts';
import { printable } from '../output/table.ts';
import { candidates } from './candidates.ts';

/** First word of the command line of a shell's script; not in help. */
export const COMPLETE = '__complete';

/** For irmd to answer. Somebody has pressed a key. */
const patience: Millis = 1000;

interface Deps {
  connect(dir: string | undefined, timeout?: Millis): Promise<Irm>;
  /** Names of this host's network devices. */
  devices(): string[];
}

export async function complete(line: readonly string[], root: Group, deps: Deps): Promise<string> {
  const typed = line.at(-1) ?? '';
  const { words, dir } = splitGlobals(line.slice(0, -1));
  if (line.at(-2) === '--dir') return ':files\n';
  if (typed.startsWith('-') && !line.slice(0, -1).includes('--'))
    return lines(globalOptions.filter(([word]) => word.startsWith(typed)));
  const found = candidates([...words, typed], root);
  const rows = found.words.map(({ word, help }) => [word, help] as const);
  const { refers } = found;
  if (refers === undefined) return lines(rows);
  if (refers === 'file') return `${lines(rows)}:files\n`;
  const there = await lookUp(refers, dir, deps);
  const fitting = there.filter((word) => word.startsWith(typed));
  const also = refers === 'program' && /[./]/.test(typed) ? ':files\n' : '';
  return lines([...rows, ...fitting.map((word) => [word, refers] as const)]) + also;
}

async function lookUp(refers: Ref, dir: string | undefined, deps: Deps): Promise<string[]> {
  let irm: Irm | undefined;
  try {
    if (refers === 'device') return deps.devices();
    irm = await deps.connect(dir, patience);
    return await known(refers, irm);
  } catch {
    return [];
  } finally {
    irm?.close();
  }
}

function lines(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([word, help]) => `${printable(word)}\t${help}\n`).join('');
}
