/**
 * Reads rules: comma-separated words, one rule a line, `#` starts a comment. Errors name file, line and word, and say
 * what is allowed; all of them are reported, not the first alone.
 */
import { constants } from 'node:os';
import { parseCidr } from '../addr/cidr.ts';
import type { Rule, RuleAction } from './rule.ts';

/** Rules of one run, files and options together. */
export const MAX_RULES = 1024;
const MAX_RULE_CHARS = 1024;

const WORDS =
  'in, out, tcp, udp, addr=, port=, program=, flow[=NAME], pass, reject[=ERRNO], blackhole';

export interface RuleProblem {
  readonly where: string;
  readonly text: string;
}

export interface ParsedRules {
  readonly rules: Rule[];
  readonly problems: RuleProblem[];
}

export interface RuleLine {
  readonly where: string;
  readonly text: string;
}

/** Splits a file into rule lines; comments and empty lines go. */
export function ruleLines(file: string, content: string): RuleLine[] {
  const lines: RuleLine[] = [];
  content.split('\n').forEach((raw, i) => {
    const text = raw.replace(/(^|\s)#.*$/, '').trim();
    if (text !== '') lines.push({ where: `${file}:${i + 1}`, text });
  });
  return lines;
}

export function parseRules(lines: readonly RuleLine[]): ParsedRules {
  const rules: Rule[] = [];
  const problems: RuleProblem[] = [];
  for (const line of lines) {
    if (rules.length >= MAX_RULES) {
      problems.push({ where: line.where, text: `more than ${MAX_RULES} rules` });
      break;
    }
    const parsed = parseRule(line);
    if (typeof parsed === 'string') problems.push({ where: line.where, text: parsed });
    else rules.push(parsed);
  }
  return { rules, problems };
}

export function formatProblem(problem: RuleProblem): string {
  return `${problem.where}: ${problem.text}`;
}

type Draft = { -readonly [K in keyof Rule]?: Rule[K] };

/** The rule, or what is wrong with it. */
function parseRule(line: RuleLine): Rule | string {
  if (line.text.length > MAX_RULE_CHARS) return `longer than ${MAX_RULE_CHARS} characters`;
  const draft: Draft = {};
  for (const raw of line.text.split(',')) {
    const problem = parseWord(raw.trim(), draft);
    if (problem !== undefined) return problem;
  }
  const { action } = draft;
  if (action === undefined)
    return `rule "${line.text}" has no action: end it with flow[=NAME], pass, reject[=ERRNO] or blackhole`;
  const reject = action.kind === 'reject' && action.errno === 0;
  return { ...draft, where: line.where, action: reject ? defaultReject(draft) : action };
}

/** A refused bind is EACCES, a refused connect ECONNREFUSED, unless the rule says otherwise. */
function defaultReject(draft: Draft): RuleAction {
  const { EACCES, ECONNREFUSED } = constants.errno;
  return { kind: 'reject', errno: draft.direction === 'in' ? EACCES : ECONNREFUSED };
}

function parseWord(word: string, draft: Draft): string | undefined {
  const eq = word.indexOf('=');
  const key = eq < 0 ? word : word.slice(0, eq);
  const value = eq < 0 ? undefined : word.slice(eq + 1);
  if (value === '') return `"${word}" has nothing after the =`;
  switch (key) {
    case 'in':
    case 'out':
    case 'tcp':
    case 'udp':
      if (value !== undefined) return `"${word}": ${key} takes no value`;
      return key === 'in' || key === 'out'
        ? put(draft, 'direction', key, word)
        : put(draft, 'protocol', key, word);
    case 'addr':
      return putParsed(draft, 'net', word, value, parseCidr, 'an address or ADDRESS/PREFIX');
    case 'port':
      return putParsed(draft, 'ports', word, value, parsePorts, 'a port or FROM-TO, 0 to 65535');
    case 'program':
      return putParsed(draft, 'program', word, value, parseGlob, 'a name or path with * and ?');
    case 'flow':
      return value === undefined
        ? put(draft, 'action', { kind: 'flow' }, word)
        : (checkTemplate(word, value) ??
            put(draft, 'action', { kind: 'flow', template: value }, word));
    case 'pass':
    case 'blackhole':
      if (value !== undefined) return `"${word}": ${key} takes no value`;
      return put(draft, 'action', { kind: key }, word);
    case 'reject':
      return parseReject(word, value, draft);
    case 'fallback':
      return `"${word}": fallback is not available yet; use flow or pass`;
    default:
      return `"${word}" is not known; allowed are ${WORDS}`;
  }
}

function put<K extends keyof Draft>(
  draft: Draft,
  key: K,
  value: NonNullable<Draft[K]>,
  word: string,
): string | undefined {
  if (draft[key] !== undefined) {
    const a = { direction: 'a direction', protocol: 'a protocol', action: 'an action' }[
      key as string
    ];
    return `"${word}": the rule has ${a ?? `"${word.split('=')[0]}="`} already`;
  }
  draft[key] = value;
  return undefined;
}

function putParsed<K extends keyof Draft>(
  draft: Draft,
  key: K,
  word: string,
  text: string | undefined,
  parse: (text: string) => NonNullable<Draft[K]> | undefined,
  expected: string,
): string | undefined {
  const value = text === undefined ? undefined : parse(text);
  return value === undefined ? `"${word}": expected ${expected}` : put(draft, key, value, word);
}

function parsePorts(text: string): { from: number; to: number } | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const from = Number(match[1]);
  const to = Number(match[2] ?? match[1]);
  return from <= to && to <= 65_535 ? { from, to } : undefined;
}

function parseGlob(text: string): string | undefined {
  return text.length <= 255 ? text : undefined;
}

function parseReject(word: string, value: string | undefined, draft: Draft): string | undefined {
  if (value === undefined) return put(draft, 'action', { kind: 'reject', errno: 0 }, word);
  const errno = Object.hasOwn(constants.errno, value)
    ? constants.errno[value as keyof typeof constants.errno]
    : undefined;
  if (errno === undefined)
    return `"${word}": expected the name of an errno, such as ECONNREFUSED or EACCES`;
  return put(draft, 'action', { kind: 'reject', errno }, word);
}

function checkTemplate(word: string, template: string): string | undefined {
  const bad = /%(?![apt%])/.exec(template);
  if (bad !== null)
    return `"${word}": "${template.slice(bad.index, bad.index + 2)}" is no field; allowed are %a (address), %p (port), %t (tcp or udp) and %%`;
  if (Buffer.byteLength(template) > 200) return `"${word}": name is longer than 200 bytes`;
  return undefined;
}
