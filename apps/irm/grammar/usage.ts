/** Help, rendered from the command table: the same data that the parser and completion read. */
import { globalOptions } from '../globals.ts';
import type { Command, Group } from './command.ts';
import type { Param } from './params.ts';

/** Lines of help for a group or a command, with a newline at the end. */
export function usage(path: readonly string[], node: Command | Group): string {
  return node.kind === 'group' ? groupUsage(path, node) : commandUsage(path, node);
}

function groupUsage(path: readonly string[], node: Group): string {
  const rows = node.entries.map((entry): [string, string] => [entry.word, entry.node.summary]);
  rows.push(['help', 'this text']);
  const line = path.join(' ');
  const words = path.length === 1 ? 'COMMAND' : 'ACTION';
  return [
    `Usage: ${line} ${words} ...`,
    '',
    `${node.summary}.`,
    '',
    ...columns(rows),
    '',
    `"${line} help ${words}" tells more. Words may be abbreviated; the first match in this order wins.`,
    ...(path.length === 1 ? ['', ...columns(globalOptions)] : []),
    '',
  ].join('\n');
}

function commandUsage(path: readonly string[], command: Command): string {
  const lines = [`Usage: ${path.join(' ')}${synopsis(command)}`, '', `${command.summary}.`];
  for (const [section, rows] of sections(command)) {
    lines.push('', section === '' ? 'where' : `${section}:`, ...columns(rows));
  }
  const others = Object.entries(command.aliases).map(([word, key]) => `${word} (${key})`);
  if (others.length > 0) lines.push('', `Also understood: ${others.join(', ')}.`);
  if (command.examples.length > 0) lines.push('', 'Examples:');
  for (const example of command.examples) lines.push(`  ${example}`);
  lines.push('');
  return lines.join('\n');
}

/** ` name NAME type TYPE [OPTIONS]`: required parameters, then those that every type has, in table order. */
export function synopsis(command: Command): string {
  const words: string[] = [];
  for (const param of Object.values(command.first))
    words.push(param.required ? param.placeholder : `[${param.placeholder}]`);
  const keywords = Object.entries(command.keywords);
  const common = keywords.filter(([, param]) => param.section === '');
  for (const needed of [true, false])
    for (const [word, param] of common)
      if (param.required === needed) words.push(spelled(word, param));
  if (common.length < keywords.length) words.push('[OPTION ...]');
  if (command.rest !== undefined) words.push(`[-- ${command.rest}]`);
  return words.map((word) => ` ${word}`).join('');
}

function spelled(word: string, param: Param<unknown>): string {
  const pair = param.arity === 'flag' ? word : `${word} ${param.placeholder}`;
  if (param.arity === 'many') return `[${pair}]...`;
  return param.required ? pair : `[${pair}]`;
}

/** Parameters under their headings, headings in order of first use. */
function sections(command: Command): Map<string, [string, string][]> {
  const found = new Map<string, [string, string][]>();
  const add = (left: string, param: Param<unknown>) => {
    const rows = found.get(param.section) ?? [];
    const { help, choices } = param;
    rows.push([left, choices.length > 1 ? `${help}; one of ${choices.join(', ')}` : help]);
    found.set(param.section, rows);
  };
  for (const param of Object.values(command.first)) add(param.placeholder, param);
  for (const [word, param] of Object.entries(command.keywords)) {
    const value = param.arity === 'maybe' ? `[${param.placeholder}]` : param.placeholder;
    add(`${word} ${value}`.trimEnd(), param);
  }
  return found;
}

/** Widest line of help, in characters. */
const WIDTH = 80;

/** Two columns; what does not fit in the right one goes on below. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const left = Math.max(...rows.map(([word]) => word.length));
  return rows.flatMap(([word, help]) =>
    wrapped(help, WIDTH - left - 4).map(
      (line, i) => `  ${(i === 0 ? word : '').padEnd(left)}  ${line}`,
    ),
  );
}

function wrapped(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
