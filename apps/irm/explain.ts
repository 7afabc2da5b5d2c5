/**
 * From a failed call to what the user reads: the text, and hints that need a look at the system, such as the name that
 * was probably meant. A hint is extra: when looking fails, there is none.
 */
import { OuroError } from '#lib/core/index.ts';
import type { Irm } from './client.ts';
import type { Args, Command } from './grammar/command.ts';
import type { Ref } from './grammar/params.ts';
import type { Complaint } from './grammar/parse.ts';
import { nearest } from './grammar/suggest.ts';
import { known } from './known.ts';

export interface Failure extends Complaint {
  readonly code: string;
  readonly fault: string;
}

/** Codes that may mean that something named on the command line does not exist. */
const unknownCodes = new Set(['ENAME', 'EIPCP', 'ENOENT', 'EINVAL', 'EIPCPTYPE']);

const lists: Partial<Record<Ref, string>> = {
  ipcp: 'irm ipcp list',
  layer: 'irm ipcp list',
  name: 'irm name list',
  pid: 'irm process list',
  program: 'irm program list',
};

export async function explain(
  error: unknown,
  command: Command,
  args: Args,
  irm: Irm | undefined,
): Promise<Failure> {
  if (!(error instanceof OuroError)) throw error;
  const failure = { code: error.code, fault: error.fault, text: sentence(error.message) };
  const hints =
    irm !== undefined && unknownCodes.has(error.code)
      ? await look(error.message, command, args, irm)
      : [];
  return { ...failure, hints };
}

/** Hints about arguments that the message complains of and that name something which is not there. */
async function look(message: string, command: Command, args: Args, irm: Irm): Promise<string[]> {
  const words = new Set(message.split(/[\s"',:;()]+/).map((word) => word.replace(/\.$/, '')));
  const hints: string[] = [];
  const params = { ...command.first, ...command.keywords };
  for (const [key, param] of Object.entries(params)) {
    const ref = param.refers;
    const list = ref === undefined ? undefined : lists[ref];
    if (ref === undefined || list === undefined) continue;
    const there = await known(ref, irm).catch(() => undefined);
    if (there === undefined) continue;
    const given = [args[key]].flat().filter((value) => value !== undefined);
    for (const word of given.map(String)) {
      if (!words.has(word) || there.includes(word)) continue;
      const near = nearest(word, there);
      hints.push(near === undefined ? `"${list}" shows what there is.` : `Did you mean "${near}"?`);
    }
  }
  return [...new Set(hints)];
}

/** Messages of errors have no full stop; what the user reads is a sentence. */
function sentence(message: string): string {
  return /[.!?]$/.test(message) ? message : `${message}.`;
}
