import { constants } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseIp } from '../addr/ip.ts';
import { expandTemplate, firstMatch, globMatches, passesAll, type RuleQuery } from './match.ts';
import { formatProblem, parseRules, ruleLines } from './parse.ts';
import { formatRule } from './rule.ts';

const parse = (...texts: string[]) =>
  parseRules(texts.map((text, i) => ({ where: `-r ${i + 1}`, text })));
const problem = (text: string): string =>
  formatProblem(parse(text).problems[0] ?? { where: '', text: 'none' });
const query = (text: string): RuleQuery => {
  const [direction, protocol, address, port, program] = text.split(' ');
  return {
    direction: direction as 'in',
    protocol: protocol as 'tcp',
    ip: parseIp(address ?? '') ?? '',
    port: Number(port),
    program: program ?? '/usr/bin/curl',
  };
};

describe('parseRules', () => {
  it('reads every kind of word, and prints it the same', () => {
    const texts = [
      'in,tcp,addr=10.0.0.0/8,port=80-90,program=nginx*,flow=web-%p',
      'out,udp,addr=fd00::/64,port=53,pass',
      'out,reject=EHOSTUNREACH',
      'blackhole',
      'flow',
    ];
    const { rules, problems } = parse(...texts);
    expect(problems).toEqual([]);
    expect(rules.map(formatRule)).toEqual(texts);
  });

  it('lets reject choose its errno by direction', () => {
    const { rules } = parse('in,reject', 'out,reject');
    expect(rules.map((r) => r.action)).toEqual([
      { kind: 'reject', errno: constants.errno.EACCES },
      { kind: 'reject', errno: constants.errno.ECONNREFUSED },
    ]);
  });

  it('names place, word, and what is allowed', () => {
    expect(problem('out,tpc,pass')).toMatch(/^-r 1: "tpc" is not known; allowed are in, out, tcp/);
    expect(problem('out,port=99999,pass')).toMatch(/"port=99999": expected a port/);
    expect(problem('out,port=9-1,pass')).toMatch(/expected a port/);
    expect(problem('out,addr=1.2.3.4/40,pass')).toMatch(/ADDRESS\/PREFIX/);
    expect(problem('in,out,pass')).toMatch(/"out": the rule has a direction already/);
    expect(problem('pass,flow')).toMatch(/"flow": the rule has an action already/);
    expect(problem('out,tcp')).toMatch(/has no action/);
    expect(problem('reject=EWHAT')).toMatch(/name of an errno/);
    expect(problem('flow=x-%z')).toMatch(/"%z" is no field; allowed are %a/);
    expect(problem('fallback')).toMatch(/not available yet/);
    expect(problem('port=')).toMatch(/nothing after the =/);
    expect(problem('pass=1')).toMatch(/takes no value/);
    expect(problem('out,reject=toString')).toMatch(/errno/);
  });

  it('counts lines of files, without comments', () => {
    const lines = ruleLines('my.rules', '# all\n\nout,pass # rest\n  in,flow=a#b\n');
    expect(lines).toEqual([
      { where: 'my.rules:3', text: 'out,pass' },
      { where: 'my.rules:4', text: 'in,flow=a#b' },
    ]);
  });

  it('reports every problem, and never throws', () => {
    expect(parse('x', 'pass', 'y').problems.map((p) => p.where)).toEqual(['-r 1', '-r 3']);
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { rules, problems } = parse(text);
        expect(rules.length + problems.length).toBe(1);
      }),
      { seed: 2, numRuns: 500 },
    );
  });
});

describe('firstMatch', () => {
  const { rules } = parse(
    'out,tcp,addr=10.0.0.0/8,port=80-90,pass',
    'out,program=cu?l,flow=x',
    'out,program=/opt/*,reject',
    'in,udp,blackhole',
  );
  it.each([
    ['out tcp 10.1.1.1 85', 0],
    ['out tcp 10.1.1.1 91', 1],
    ['out udp 10.1.1.1 85', 1],
    ['out tcp 1.1.1.1 80 /opt/a/b', 2],
    ['out tcp 1.1.1.1 80 /bin/opt', -1],
    ['in udp 0.0.0.0 53', 3],
    ['in tcp 0.0.0.0 53', -1],
  ])('%s -> %d', (text, index) => {
    expect(firstMatch(rules, query(text))).toBe(index);
  });

  it('matches globs, also malicious ones, in reasonable time', () => {
    expect(globMatches('*', '')).toBe(true);
    expect(globMatches('a*b?c', 'aXXbYc')).toBe(true);
    expect(globMatches('a*b?c', 'aXXbYcd')).toBe(false);
    expect(globMatches('', 'a')).toBe(false);
    expect(globMatches('*a'.repeat(60), `${'a'.repeat(5000)}b`)).toBe(false);
  });

  it('fills templates', () => {
    const q = query('out udp 1.2.3.4 53');
    expect(expandTemplate('%a:%p/%t 100%%', q)).toBe('1.2.3.4:53/udp 100%');
  });
});

describe('passesAll', () => {
  const all = (...texts: string[]) => passesAll(parse(...texts).rules, 'tcp', '/bin/x');
  it('is true only when no socket of the protocol could become a flow', () => {
    expect(all('pass')).toBe(true);
    expect(all('tcp,pass')).toBe(true);
    expect(all('in,pass', 'out,pass')).toBe(true);
    expect(all('port=1,pass', 'pass')).toBe(true);
    expect(all('udp,flow', 'pass')).toBe(true);
    expect(all('program=y,flow', 'pass')).toBe(true);
    expect(all()).toBe(false);
    expect(all('udp,pass')).toBe(false);
    expect(all('in,pass')).toBe(false);
    expect(all('port=1,flow', 'pass')).toBe(false);
    expect(all('in,pass', 'in,flow', 'out,pass')).toBe(true);
    expect(all('addr=10.0.0.0/8,pass')).toBe(false);
  });
});
