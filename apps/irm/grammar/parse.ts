/**
 * From the words of a command line to a command and its arguments. Pure: words and the command table in, a value out.
 *
 * Both eras' lines go through the same table: keyword and value in any order, abbreviations by `match.ts`, 2018's
 * keywords as aliases.
 */
import type { Args, Command, Entry, Group } from './command.ts';
import { firstMatch } from './match.ts';
import type { Param } from './params.ts';
import { nearest } from './suggest.ts';

/** What is wrong, and what to try, each a sentence. */
export interface Complaint {
  readonly text: string;
  readonly hints: readonly string[];
}

export type Parsed =
  | {
      readonly kind: 'run';
      readonly path: readonly string[];
      readonly command: Command;
      readonly args: Args;
    }
  /** `asked`: help was asked for; otherwise the line stops too early. */
  | {
      readonly kind: 'help';
      readonly path: readonly string[];
      readonly node: Command | Group;
      readonly asked: boolean;
    }
  | { readonly kind: 'error'; readonly path: readonly string[]; readonly complaint: Complaint };

/** In every group, after all its commands. */
const helpEntry = { word: 'help' } as const;

export function parse(words: readonly string[], root: Group, help = false): Parsed {
  let node: Command | Group = root;
  let asked = help;
  const path = ['irm'];
  let at = 0;
  for (; node.kind === 'group' && at < words.length; at++) {
    const word = words[at]!;
    const found: Entry | typeof helpEntry | undefined = firstMatch(word, [
      ...node.entries,
      helpEntry,
    ]);
    if (found === undefined)
      return { kind: 'error', path, complaint: unknownWord(word, path, node) };
    if ('node' in found) {
      node = found.node;
      path.push(found.word);
    } else asked = true;
  }
  if (node.kind === 'group' || asked) return { kind: 'help', path, node, asked };
  const rest = words.slice(at);
  if (isHelp(rest, node)) return { kind: 'help', path, node, asked: true };
  if (rest.length === 0 && needsSomething(node)) return { kind: 'help', path, node, asked };
  const read = readArguments(rest, node, path);
  return 'args' in read
    ? { kind: 'run', path, command: node, args: read.args }
    : { kind: 'error', path, complaint: read };
}

/** `irm ipcp bootstrap help`; not where the first word is a value, which may well be "help". */
function isHelp(words: readonly string[], command: Command): boolean {
  return words.length === 1 && words[0] === 'help' && Object.keys(command.first).length === 0;
}

function needsSomething(command: Command): boolean {
  return [command.first, command.keywords].some((params) =>
    Object.values(params).some((param) => param.required),
  );
}

function unknownWord(word: string, path: readonly string[], node: Group): Complaint {
  return unknown(
    word,
    node.entries.map((entry) => entry.word),
    `${path.join(' ')} help`,
  );
}

function unknown(word: string, known: readonly string[], tryThis: string): Complaint {
  const near = nearest(word, known);
  return {
    text: `"${word}" is unknown, try "${tryThis}".`,
    hints: near === undefined ? [] : [`Did you mean "${near}"?`],
  };
}

interface Keyword {
  readonly word: string;
  readonly exact: boolean;
  readonly key: string;
  readonly param: Param<unknown>;
}

/** Keywords of a command in matching order: its own first, then the other era's. */
export function keywordsOf(command: Command): Keyword[] {
  const own = Object.entries(command.keywords).map(([key, param]) => ({ word: key, key, param }));
  const others = Object.entries(command.aliases).map(([word, key]) => ({
    word,
    key,
    param: command.keywords[key]!,
  }));
  return [...own, ...others].map((row) => ({ ...row, exact: row.param.exact }));
}

function readArguments(
  words: readonly string[],
  command: Command,
  path: readonly string[],
): { args: Args } | Complaint {
  const tryThis = `${path.join(' ')} --help`;
  const queue = [...words];
  const values = new Map<string, unknown>();
  const wrong =
    readFirst(queue, command, values, tryThis) ?? readKeywords(queue, command, values, tryThis);
  if (wrong !== undefined) return wrong;
  const args: Record<string, unknown> = {};
  for (const [key, param] of Object.entries({ ...command.first, ...command.keywords })) {
    if (param.required && !values.has(key)) return missing(key, tryThis);
    args[key] = values.has(key) ? values.get(key) : param.absent;
  }
  // What the keywords left follows `--`.
  const whole = { ...args, '--': queue };
  const text = command.check(whole);
  return text === undefined ? { args: whole } : { text, hints: [`Try "${tryThis}".`] };
}

/** Takes the word that comes first, without a keyword, off `queue`. */
function readFirst(
  queue: string[],
  { first }: Command,
  values: Map<string, unknown>,
  tryThis: string,
): Complaint | undefined {
  for (const [key, param] of Object.entries(first)) {
    const word = queue[0];
    if (word === undefined || word === '--')
      return param.required ? missing(param.placeholder, tryThis) : undefined;
    queue.shift();
    const read = param.read(word, param.placeholder);
    if (!read.ok) return badValue(read);
    values.set(key, read.value);
  }
  return undefined;
}

/** Takes keywords and their values off `queue`, up to and with a `--`. */
function readKeywords(
  queue: string[],
  command: Command,
  values: Map<string, unknown>,
  tryThis: string,
): Complaint | undefined {
  const keywords = keywordsOf(command);
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--' && command.rest !== undefined) return undefined;
    const keyword = firstMatch(word, keywords);
    if (keyword === undefined)
      return unknown(
        word,
        keywords.map((row) => row.word),
        tryThis,
      );
    const { key, param } = keyword;
    const many = param.arity === 'many';
    if (values.has(key) && !many) return { text: `"${keyword.word}" is given twice.`, hints: [] };
    if (param.arity === 'flag' || (param.arity === 'maybe' && endsHere(queue[0], keywords))) {
      values.set(key, param.bare);
      continue;
    }
    const next = queue.shift();
    if (next === undefined)
      return { text: `"${keyword.word}" needs a value: ${param.placeholder}.`, hints: [] };
    const read = param.read(next, keyword.word);
    if (!read.ok) return badValue(read);
    const before = (values.get(key) ?? []) as readonly unknown[];
    values.set(key, many ? [...before, read.value] : read.value);
  }
  return undefined;
}

/** True when the word after a keyword whose value may be absent is a keyword itself, or none. */
function endsHere(next: string | undefined, keywords: readonly Keyword[]): boolean {
  return next === undefined || firstMatch(next, keywords) !== undefined;
}

function missing(what: string, tryThis: string): Complaint {
  return { text: `"${what}" is missing, try "${tryThis}".`, hints: [] };
}

function badValue(read: { readonly text: string; readonly near?: string }): Complaint {
  const hints = read.near === undefined ? [] : [`Did you mean "${read.near}"?`];
  return { text: read.text, hints };
}
