/** Finds the rule for a socket call. */
import { cidrHas } from '../addr/cidr.ts';
import { formatIp, type Ip } from '../addr/ip.ts';
import type { Direction, Protocol, Rule } from './rule.ts';

export interface RuleQuery {
  readonly direction: Direction;
  readonly protocol: Protocol;
  readonly ip: Ip;
  readonly port: number;
  /** Path of the program. */
  readonly program: string;
}

/** Index of the first rule that matches, -1 when none does. */
export function firstMatch(rules: readonly Rule[], query: RuleQuery): number {
  return rules.findIndex((rule) => matches(rule, query));
}

function matches(rule: Rule, q: RuleQuery): boolean {
  if (rule.direction !== undefined && rule.direction !== q.direction) return false;
  if (rule.protocol !== undefined && rule.protocol !== q.protocol) return false;
  if (rule.ports !== undefined && (q.port < rule.ports.from || q.port > rule.ports.to))
    return false;
  if (rule.net !== undefined && !cidrHas(rule.net, q.ip)) return false;
  return rule.program === undefined || programMatches(rule.program, q.program);
}

function programMatches(glob: string, path: string): boolean {
  const subject = glob.includes('/') ? path : path.slice(path.lastIndexOf('/') + 1);
  return globMatches(glob, subject);
}

/** `*` and `?` alone are special. Linear in glob length times text length, whatever the glob. */
export function globMatches(glob: string, text: string): boolean {
  let g = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    if (g < glob.length && glob[g] === '*') {
      star = g++;
      resume = t;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++;
      t++;
    } else if (star >= 0) {
      g = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
}

/** Fills %a, %p and %t of a name template. */
export function expandTemplate(
  template: string,
  q: Pick<RuleQuery, 'ip' | 'port' | 'protocol'>,
): string {
  return template.replace(/%([apt%])/g, (_all, field: string) => {
    if (field === 'a') return formatIp(q.ip);
    if (field === 'p') return String(q.port);
    return field === 't' ? q.protocol : '%';
  });
}

/** True when no socket of the protocol can become a flow: the shim then makes real sockets at once. */
export function passesAll(rules: readonly Rule[], protocol: Protocol, program: string): boolean {
  const open = new Set<Direction>(['in', 'out']);
  for (const rule of rules) {
    if (rule.protocol !== undefined && rule.protocol !== protocol) continue;
    if (rule.program !== undefined && !programMatches(rule.program, program)) continue;
    if (rule.direction !== undefined && !open.has(rule.direction)) continue;
    if (rule.action.kind !== 'pass') return false;
    if (rule.net !== undefined || rule.ports !== undefined) continue;
    if (rule.direction === undefined) return true;
    open.delete(rule.direction);
    if (open.size === 0) return true;
  }
  return false;
}
