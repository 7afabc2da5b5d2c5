/** Turns an address that a program binds, connects or sends to into what happens with it: rules first, then the defaults. */
import { constants } from 'node:os';
import type { InetListeners } from '../addr/inet-listeners.ts';
import { formatEndpoint, type Ip } from '../addr/ip.ts';
import {
  expandTemplate,
  firstMatch,
  formatAction,
  type Protocol,
  type Rule,
} from '../rules/index.ts';
import type { PortTable } from '../sockets/port-table.ts';
import type { Target, Targets } from './targets.ts';

const { EHOSTUNREACH } = constants.errno;

export interface Call {
  readonly protocol: Protocol;
  readonly ip: Ip;
  readonly port: number;
  /** Path of the program. */
  readonly program: string;
}

export type OutDecision =
  | { readonly kind: 'pass'; readonly words: string }
  | { readonly kind: 'blackhole'; readonly words: string }
  | { readonly kind: 'reject'; readonly errno: number; readonly words: string }
  | {
      readonly kind: 'flow';
      readonly target: Target;
      /** Names to allocate to: one, or those of a group. */
      readonly names: readonly string[];
      readonly words: string;
    };

export type InDecision =
  | { readonly kind: 'pass'; readonly words: string }
  | { readonly kind: 'reject'; readonly errno: number; readonly words: string }
  | {
      readonly kind: 'flow';
      /** A name to accept for, beside those of the process. */
      readonly name?: string;
      /** Bound, but nobody reaches it. */
      readonly blackhole: boolean;
      readonly words: string;
    };

export function decideIn(rules: readonly Rule[], call: Call): InDecision {
  const found = firstMatch(rules, { direction: 'in', ...call });
  const where = `${call.protocol} ${formatEndpoint(call.ip, call.port)}`;
  const rule = rules[found];
  if (rule === undefined)
    return { kind: 'flow', blackhole: false, words: `default: flow, ${where}` };
  const words = `rule ${found + 1} (${rule.where}): ${formatAction(rule.action)}, ${where}`;
  switch (rule.action.kind) {
    case 'pass':
      return { kind: 'pass', words };
    case 'reject':
      return { kind: 'reject', errno: rule.action.errno, words };
    case 'blackhole':
      return { kind: 'flow', blackhole: true, words };
    case 'flow': {
      const { template } = rule.action;
      const name = template === undefined ? {} : { name: expandTemplate(template, call) };
      return { kind: 'flow', blackhole: false, ...name, words };
    }
  }
}

export interface DecideOutDeps {
  readonly targets: Targets;
  readonly node: string;
  readonly ports: Pick<PortTable, 'lookup'>;
  readonly inet: Pick<InetListeners, 'has'>;
}

/** Name servers answer over TCP what is too long for a datagram. */
const DNS_PORT = 53;

export function decideOut(deps: DecideOutDeps, rules: readonly Rule[], call: Call): OutDecision {
  const found = firstMatch(rules, { direction: 'out', ...call });
  const where = `${call.protocol} ${formatEndpoint(call.ip, call.port)}`;
  const target = deps.targets.classify(call.ip);
  const rule = rules[found];
  if (rule === undefined && target.kind === 'own' && servedElsewhere(deps, call))
    return { kind: 'pass', words: `default: pass to the kernel's own socket, ${where}` };
  if (rule === undefined) return byDefault(deps.node, target, where);
  const head = `rule ${found + 1} (${rule.where}): ${formatAction(rule.action)}`;
  switch (rule.action.kind) {
    case 'pass':
    case 'blackhole':
      return { kind: rule.action.kind, words: `${head}, ${where}` };
    case 'reject':
      return { kind: 'reject', errno: rule.action.errno, words: `${head}, ${where}` };
    case 'flow': {
      const { template } = rule.action;
      if (template === undefined && target.kind !== 'external')
        return byDefault(deps.node, target, where, head);
      return byName(deps.node, target, expandTemplate(template ?? '%a', call), head, where);
    }
  }
}

/** This host's own resolver and the like: datagrams to a port that no program of ours has, but a real socket. */
function servedElsewhere(deps: DecideOutDeps, { protocol, ip, port }: Call): boolean {
  if (protocol === 'tcp' && port !== DNS_PORT) return false;
  return deps.ports.lookup(protocol, ip, port) === undefined && deps.inet.has(protocol, ip, port);
}

/** A rule named the destination. Several names, joined by `+`, make a group. */
function byName(
  node: string,
  target: Target,
  name: string,
  head: string,
  where: string,
): OutDecision {
  const names = target.kind === 'group' ? name.split('+') : [name];
  const to: Target =
    target.kind === 'group' ? target : name === node ? { kind: 'own' } : { kind: 'name', name };
  return { kind: 'flow', target: to, names, words: `${head}, ${where} to ${names.join(', ')}` };
}

function byDefault(node: string, target: Target, where: string, head = 'default'): OutDecision {
  switch (target.kind) {
    case 'own':
    case 'process':
      return { kind: 'flow', target, names: [node], words: `${head}: flow to ${node}, ${where}` };
    case 'name':
      return flowTo(target, target.name, head, where);
    case 'peer':
      return flowTo(target, target.node, head, where);
    case 'group':
      return { kind: 'flow', target, names: [], words: `${head}: flow to the group, ${where}` };
    case 'unknown':
      return {
        kind: 'reject',
        errno: EHOSTUNREACH,
        words: `${head}: no name has this synthetic address, ${where}`,
      };
    case 'external':
      return { kind: 'pass', words: `${head}: pass, ${where}` };
  }
}

function flowTo(target: Target, name: string, head: string, where: string): OutDecision {
  return { kind: 'flow', target, names: [name], words: `${head}: flow to ${name}, ${where}` };
}
