/** Rules: which sockets become flows. Ordered, the first match decides (docs/rules.md). */
import { constants } from 'node:os';
import type { Cidr } from '../addr/cidr.ts';
import { formatCidr } from '../addr/cidr.ts';

export type Direction = 'in' | 'out';
export type Protocol = 'tcp' | 'udp';

export type RuleAction =
  /** `template` names the destination (out) or a name to accept for (in); absent: what the address means. */
  | { readonly kind: 'flow'; readonly template?: string }
  | { readonly kind: 'pass' }
  | { readonly kind: 'reject'; readonly errno: number }
  | { readonly kind: 'blackhole' };

export interface Rule {
  readonly direction?: Direction;
  readonly protocol?: Protocol;
  readonly net?: Cidr;
  readonly ports?: { readonly from: number; readonly to: number };
  /** Glob over the program's basename, or over its path when it has a slash. */
  readonly program?: string;
  readonly action: RuleAction;
  /** Where it was written: `FILE:LINE` or `-r N`. */
  readonly where: string;
}

/** Name of a Linux errno, such as ECONNREFUSED. */
export function linuxErrnoName(errno: number): string {
  const found = Object.entries(constants.errno).find(([, value]) => value === errno);
  return found?.[0] ?? String(errno);
}

export function formatRule(rule: Rule): string {
  const words: string[] = [];
  if (rule.direction !== undefined) words.push(rule.direction);
  if (rule.protocol !== undefined) words.push(rule.protocol);
  if (rule.net !== undefined) words.push(`addr=${formatCidr(rule.net)}`);
  if (rule.ports !== undefined) {
    const { from, to } = rule.ports;
    words.push(from === to ? `port=${from}` : `port=${from}-${to}`);
  }
  if (rule.program !== undefined) words.push(`program=${rule.program}`);
  words.push(formatAction(rule.action));
  return words.join(',');
}

export function formatAction(action: RuleAction): string {
  switch (action.kind) {
    case 'flow':
      return action.template === undefined ? 'flow' : `flow=${action.template}`;
    case 'reject':
      return `reject=${linuxErrnoName(action.errno)}`;
    default:
      return action.kind;
  }
}
