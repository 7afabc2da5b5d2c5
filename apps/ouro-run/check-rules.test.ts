import { expect, it } from '@jest/globals';
import { type CheckedRules, reportRules } from './check-rules.ts';

function report(checked: CheckedRules, print = false, program?: string): [boolean, string, string] {
  const said = { out: '', err: '' };
  const deps = {
    out: (text: string) => {
      said.out += text;
    },
    err: (text: string) => {
      said.err += `${text}\n`;
    },
  };
  return [reportRules(deps, checked, { print, program }), said.out, said.err];
}

it('says that rules are good, prints them with the defaults, and tells every problem', () => {
  const good = { rules: ['out,pass'], problems: [] };
  expect(report(good)).toEqual([true, '1 rule ok\n', '']);
  expect(report({ ...good, rules: [] }, false, '/bin/sh')[1]).toBe(
    '0 rules ok, /bin/sh can be run\n',
  );
  expect(report(good, true)[1]).toMatch(/^1 {2}out,pass\n-.*in,flow$/m);
  const bad = { rules: [], problems: [{ where: 'f:3', text: 'no rule' }] };
  expect(report(bad)).toEqual([false, '', 'f:3: no rule\n']);
});
