/**
 * What may come next on a command line: words of the table, values of a keyword, names that irmd has. Pure, but for the
 * look-up of what there is, which is the caller's.
 */
import type { Command, Entry, Group } from '../grammar/command.ts';
import { firstMatch } from '../grammar/match.ts';
import type { Param, Ref } from '../grammar/params.ts';
import { keywordsOf } from '../grammar/parse.ts';

export interface Candidate {
  readonly word: string;
  readonly help: string;
}

/** Candidates that the table knows, and what else has to be looked up. */
export interface Candidates {
  readonly words: readonly Candidate[];
  /** What the word under the cursor names. */
  readonly refers: Ref | undefined;
}

const nothing: Candidates = { words: [], refers: undefined };
const files: Candidates = { words: [], refers: 'file' };

/** @param words the line without "irm"; the last one is under the cursor and may be empty. */
export function candidates(words: readonly string[], root: Group): Candidates {
  const typed = words.at(-1) ?? '';
  const starting = (all: Candidates): Candidates => ({
    ...all,
    words: all.words.filter(({ word }) => word.startsWith(typed)),
  });
  let node: Command | Group = root;
  const before = words.slice(0, -1);
  while (node.kind === 'group') {
    const word = before.shift();
    if (word === undefined) return starting(entries(node));
    // After `help`, the same words follow.
    if (word === 'help') continue;
    const entry: Entry | undefined = firstMatch(word, node.entries);
    if (entry === undefined) return nothing;
    node = entry.node;
  }
  return starting(argument(before, node));
}

function entries(node: Group): Candidates {
  const words = node.entries.map(({ word, node: { summary } }) => ({ word, help: summary }));
  return { words: [...words, { word: 'help', help: 'help' }], refers: undefined };
}

/** What may follow `before`, the words after those of the command. */
function argument(before: string[], command: Command): Candidates {
  const keywords = keywordsOf(command);
  for (const param of Object.values(command.first))
    if (before.shift() === undefined) return values(param);
  const given = new Set<string>();
  for (let word = before.shift(); word !== undefined; word = before.shift()) {
    if (word === '--' && command.rest !== undefined) return files;
    const keyword = firstMatch(word, keywords);
    if (keyword === undefined) return nothing;
    const { key, param } = keyword;
    if (param.arity !== 'many') given.add(key);
    if (param.arity === 'flag') continue;
    const next = before[0];
    if (param.arity === 'maybe' && next !== undefined && firstMatch(next, keywords)) continue;
    if (before.shift() === undefined && param.arity !== 'maybe') return values(param);
  }
  const words = Object.entries(command.keywords)
    .filter(([key]) => !given.has(key))
    .map(([word, { help }]) => ({ word, help }));
  return { words, refers: undefined };
}

function values({ choices, refers, help }: Param<unknown>): Candidates {
  return { words: choices.map((word) => ({ word, help })), refers };
}
