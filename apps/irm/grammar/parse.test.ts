import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { root } from '../commands/index.ts';
import type { Command, Group } from './command.ts';
import { keywordsOf, parse } from './parse.ts';

/** Path and given arguments of a line that must parse. */
function parsed(line: string, words = line.split(' ').slice(1)) {
  const result = parse(words, root);
  if (result.kind !== 'run') throw new TypeError(`${line}: ${JSON.stringify(result)}`);
  const given = Object.entries(result.args).filter(
    ([, value]) =>
      value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0),
  );
  return [result.path.slice(1).join(' '), Object.fromEntries(given)];
}

function complaint(line: string) {
  const result = parse(line.split(' ').slice(1), root);
  if (result.kind !== 'error') throw new TypeError(`${line}: ${result.kind}`);
  return [result.complaint.text, ...result.complaint.hints];
}

describe('lines of the 2018 talk', () => {
  it.each([
    ['irm bind process 6417 name server', 'bind process', { pid: 6417, name: 'server' }],
    [
      'irm ipcp bootstrap type local name local layer local',
      'ipcp bootstrap',
      { type: 'local', name: 'local', layer: 'local' },
    ],
    ['irm register name server layer local', 'register', { name: 'server', layer: ['local'] }],
    [
      'irm i b t eth-llc l ethernet n eth if wlp2s0',
      'ipcp bootstrap',
      { type: 'eth-llc', layer: 'ethernet', name: 'eth', device: 'wlp2s0' },
    ],
    ['irm reg n ioq3 l ethernet', 'register', { name: 'ioq3', layer: ['ethernet'] }],
    [
      'irm b prog ./ioq3ded.x86_64 n ioq3',
      'bind program',
      { program: './ioq3ded.x86_64', name: 'ioq3' },
    ],
    [
      'irm ipcp bootstrap name e1 type eth-llc if eth0 layer e',
      'ipcp bootstrap',
      { type: 'eth-llc', layer: 'e', name: 'e1', device: 'eth0' },
    ],
    [
      'irm ipcp bootstrap name n1 type normal layer n autobind',
      'ipcp bootstrap',
      { type: 'unicast', layer: 'n', name: 'n1', autobind: true },
    ],
    ['irm register name n1 layer e', 'register', { name: 'n1', layer: ['e'] }],
    ['irm register name n layer e', 'register', { name: 'n', layer: ['e'] }],
    [
      'irm ipcp enroll name n2 layer n autobind',
      'ipcp enroll',
      { name: 'n2', layer: 'n', autobind: true },
    ],
    [
      'irm ipcp connect name n1 component dt dst n2',
      'ipcp connect',
      { name: 'n1', component: 'dt', dst: 'n2' },
    ],
    [
      'irm ipcp connect name n2 component mgmt dst n1',
      'ipcp connect',
      { name: 'n2', component: 'mgmt', dst: 'n1' },
    ],
    // The usage slide: fd size, bare ttl, pff.
    [
      'irm ipcp bootstrap name n1 layer n type normal addr 8 fd 2 ttl addr_auth flat routing link_state pff simple hash SHA3_512 autobind',
      'ipcp bootstrap',
      {
        name: 'n1',
        layer: 'n',
        type: 'unicast',
        addr: 8,
        eid: 2,
        ttl: 60,
        addr_auth: 'flat',
        routing: 'link-state',
        pff: 'link-state',
        hash: 'SHA3_512',
        autobind: true,
      },
    ],
  ])('%s', (line, path, args) => {
    expect(parsed(line)).toEqual([path, args]);
  });
});

describe('lines of both eras', () => {
  it.each([
    ['irm i c n l1 t local', 'ipcp create', { name: 'l1', type: 'local' }],
    ['irm i d n l1', 'ipcp destroy', { name: 'l1' }],
    [
      'irm i b t local l local n l1',
      'ipcp bootstrap',
      { type: 'local', layer: 'local', name: 'l1' },
    ],
    ['irm i b n a l b t u', 'ipcp bootstrap', { name: 'a', layer: 'b', type: 'unicast' }],
    ['irm i b n a l b t b', 'ipcp bootstrap', { name: 'a', layer: 'b', type: 'broadcast' }],
    ['irm i b n a l b t l', 'ipcp bootstrap', { name: 'a', layer: 'b', type: 'local' }],
    ['irm i b n a l b', 'ipcp bootstrap', { name: 'a', layer: 'b' }],
    [
      'irm i b n a l b t udp i 192.0.2.1 d 192.0.2.53 p 3435',
      'ipcp bootstrap',
      { name: 'a', layer: 'b', type: 'udp4', ip: '192.0.2.1', dns: '192.0.2.53', port: 3435 },
    ],
    [
      'irm i b n a l b t udp6 ip 2001:db8::1',
      'ipcp bootstrap',
      { name: 'a', layer: 'b', type: 'udp6', ip: '2001:db8::1' },
    ],
    [
      'irm i b n a l b t e dev eth0 e 0xA000',
      'ipcp bootstrap',
      { name: 'a', layer: 'b', type: 'eth-dix', device: 'eth0', ethertype: 0xa000 },
    ],
    [
      'irm i b n a l b t eth-l de eth0',
      'ipcp bootstrap',
      { name: 'a', layer: 'b', type: 'eth-llc', device: 'eth0' },
    ],
    [
      'irm i b n a l b t eth-l if_name eth0',
      'ipcp bootstrap',
      { name: 'a', layer: 'b', type: 'eth-llc', device: 'eth0' },
    ],
    [
      'irm i b n a l b t raptor dev d',
      'ipcp bootstrap',
      { name: 'a', layer: 'b', type: 'raptor', device: 'd' },
    ],
    [
      'irm i b n a l b t unicast h SHA3_384 a 8 ei 8 tt 30 au di DHT r lfa c none dht_alpha 3 dht_k 8 dht_t_expire 86400 dht_t_refresh 900 dht_t_replicate 900 ls_t_timeo 60 ls_t_update 15 ls_t_recalc 4',
      'ipcp bootstrap',
      {
        name: 'a',
        layer: 'b',
        type: 'unicast',
        hash: 'SHA3_384',
        addr: 8,
        eid: 8,
        ttl: 30,
        autobind: true,
        directory: 'DHT',
        routing: 'lfa',
        congestion: 'none',
        dht_alpha: 3,
        dht_k: 8,
        dht_t_expire: 86400,
        dht_t_refresh: 900,
        dht_t_replicate: 900,
        ls_t_timeo: 60,
        ls_t_update: 15,
        ls_t_recalc: 4,
      },
    ],
    [
      'irm ipcp enroll name n2 layer n dst n1 type broadcast',
      'ipcp enroll',
      { name: 'n2', layer: 'n', dst: 'n1', type: 'broadcast' },
    ],
    ['irm i e n n2 l n', 'ipcp enroll', { name: 'n2', layer: 'n' }],
    ['irm i co n n1 dst n2 qos data', 'ipcp connect', { name: 'n1', dst: 'n2', qos: 'data' }],
    ['irm i di n n1 dst n2 c dt', 'ipcp disconnect', { name: 'n1', dst: 'n2', component: 'dt' }],
    ['irm i l', 'ipcp list', {}],
    ['irm i l t local n l*', 'ipcp list', { type: 'local', name: 'l*' }],
    ['irm ipcp list layer n', 'ipcp list', { layer: 'n' }],
    ['irm b p oping n server', 'bind program', { program: 'oping', name: 'server' }],
    [
      'irm bind program oping name server auto -- -l --json',
      'bind program',
      { program: 'oping', name: 'server', auto: true, '--': ['-l', '--json'] },
    ],
    ['irm b proc 1 n server', 'bind process', { pid: 1, name: 'server' }],
    ['irm b i n1 n n', 'bind ipcp', { ipcp: 'n1', name: 'n' }],
    ['irm u p ioq3ded n ioq3', 'unbind program', { program: 'ioq3ded', name: 'ioq3' }],
    ['irm u p ioq3ded', 'unbind program', { program: 'ioq3ded' }],
    ['irm u proc 1', 'unbind process', { pid: 1 }],
    ['irm unbind ipcp n1', 'unbind ipcp', { ipcp: 'n1' }],
    ['irm n c web', 'name create', { name: 'web' }],
    [
      'irm name create web lb spillover scrtpath /c skeypath /k',
      'name create',
      { name: 'web', lb: 'spillover', scrtpath: '/c', skeypath: '/k' },
    ],
    ['irm n d web', 'name destroy', { name: 'web' }],
    ['irm n r S l e', 'name register', { name: 'S', layer: ['e'] }],
    [
      'irm name register S layer e layer f ipcp x i y',
      'name register',
      { name: 'S', layer: ['e', 'f'], ipcp: ['x', 'y'] },
    ],
    ['irm n u S l e', 'name unregister', { name: 'S', layer: ['e'] }],
    ['irm unregister name S layer e layer f', 'unregister', { name: 'S', layer: ['e', 'f'] }],
    ['irm ipcp stats', 'ipcp stats', {}],
    ['irm i s n eth', 'ipcp stats', { name: 'eth' }],
    ['irm n l', 'name list', {}],
    ['irm name list list io', 'name list', { list: 'io' }],
    ['irm name list name io*', 'name list', { name: 'io*' }],
    ['irm f l', 'flow list', {}],
    ['irm flow list name ioq3 pid 5', 'flow list', { name: 'ioq3', pid: 5 }],
    ['irm process list', 'process list', {}],
    ['irm program list name ioq3', 'program list', { name: 'ioq3' }],
    ['irm status', 'status', {}],
    ['irm completion bash', 'completion', { shell: 'bash' }],
    // A value may look like a keyword.
    ['irm name create help', 'name create', { name: 'help' }],
    ['irm register name layer layer name', 'register', { name: 'layer', layer: ['name'] }],
    ['irm ipcp destroy name help', 'ipcp destroy', { name: 'help' }],
  ])('%s', (line, path, args) => {
    expect(parsed(line)).toEqual([path, args]);
  });
});

describe('help', () => {
  it.each([
    ['irm help', 'irm', true],
    ['irm h', 'irm', true],
    ['irm ipcp help', 'irm ipcp', true],
    ['irm i h', 'irm ipcp', true],
    ['irm help ipcp bootstrap', 'irm ipcp bootstrap', true],
    ['irm ipcp help bootstrap', 'irm ipcp bootstrap', true],
    ['irm ipcp bootstrap help', 'irm ipcp bootstrap', true],
    ['irm help name create', 'irm name create', true],
    ['irm help status', 'irm status', true],
    ['irm ipcp', 'irm ipcp', false],
    ['irm ipcp bootstrap', 'irm ipcp bootstrap', false],
    ['irm bind program', 'irm bind program', false],
  ])('%s', (line, path, asked) => {
    expect(parse(line.split(' ').slice(1), root)).toMatchObject({
      kind: 'help',
      path: path.split(' '),
      asked,
    });
  });

  it('is meant by --help anywhere', () => {
    expect(parse(['ipcp', 'create', 'name'], root, true)).toMatchObject({
      kind: 'help',
      asked: true,
    });
  });

  it('without a word is not asked for', () => {
    expect(parse([], root)).toMatchObject({ kind: 'help', path: ['irm'], asked: false });
  });
});

describe('complaints', () => {
  it.each([
    ['irm frob', '"frob" is unknown, try "irm help".'],
    ['irm naem list', '"naem" is unknown, try "irm help".', 'Did you mean "name"?'],
    ['irm ipcp frob', '"frob" is unknown, try "irm ipcp help".'],
    [
      'irm ipcp create naem x',
      '"naem" is unknown, try "irm ipcp create --help".',
      'Did you mean "name"?',
    ],
    ['irm ipcp create name x', '"type" is missing, try "irm ipcp create --help".'],
    ['irm ipcp create name', '"name" needs a value: NAME.'],
    ['irm ipcp create name a name b type local', '"name" is given twice.'],
    [
      'irm ipcp create name a type loca',
      '"type" must be one of unicast, broadcast, local, udp4, udp6, eth-dix, eth-llc, raptor, normal, udp, not "loca".',
      'Did you mean "local"?',
    ],
    ['irm bind process x name y', '"x" is not a valid process id.'],
    [
      'irm bind program p name n -- x',
      'Arguments after "--" need "auto".',
      'Try "irm bind program --help".',
    ],
    [
      'irm bind program p name n aut',
      '"aut" is unknown, try "irm bind program --help".',
      'Did you mean "auto"?',
    ],
    ['irm ipcp enroll name n', '"layer" or "dst" is missing.', 'Try "irm ipcp enroll --help".'],
    ['irm register name n', '"layer" or "ipcp" is missing.', 'Try "irm register --help".'],
    [
      'irm i b n a l b t udp4',
      '"ip" is missing, type udp4 needs it.',
      'Try "irm ipcp bootstrap --help".',
    ],
    [
      'irm i b n a l b t e',
      '"device" is missing, type eth-dix needs it.',
      'Try "irm ipcp bootstrap --help".',
    ],
    [
      'irm i b n a l b t raptor',
      '"device" is missing, type raptor needs it.',
      'Try "irm ipcp bootstrap --help".',
    ],
    ['irm i b n a l b t u ttl x', '"ttl" must be a number from 1 to 255, not "x".'],
    [
      'irm i b n a l b t u pff alternate routing ecmp',
      '"pff" implies the routing policy lfa, but "routing" says ecmp.',
      'Try "irm ipcp bootstrap --help".',
    ],
    ['irm status now', '"now" is unknown, try "irm status --help".'],
    ['irm ipcp list -- x', '"--" is unknown, try "irm ipcp list --help".'],
  ])('%s', (line, ...expected) => {
    expect(complaint(line)).toEqual(expected);
  });

  it('the empty word stands for nothing', () => {
    expect(parse([''], root).kind).toBe('error');
    expect(parse(['ipcp', 'create', '', 'x'], root).kind).toBe('error');
    expect(parse(['ipcp', 'destroy', 'name', ''], root).kind).toBe('error');
  });
});

/** Every command with its path. */
function* commands(
  node: Command | Group = root,
  path: string[] = [],
): Generator<[string[], Command]> {
  if (node.kind === 'command') yield [path, node];
  else for (const entry of node.entries) yield* commands(entry.node, [...path, entry.word]);
}

function groups(node: Command | Group = root, path: string[] = []): [string[], Group][] {
  if (node.kind === 'command') return [];
  return [
    [path, node],
    ...node.entries.flatMap((entry) => groups(entry.node, [...path, entry.word])),
  ];
}

const prefixes = (word: string) => Array.from(word, (_, i) => word.slice(0, i + 1));
const first = (prefix: string, table: readonly string[]) =>
  table.find((word) => word.startsWith(prefix))!;

describe('abbreviations', () => {
  it('every prefix of every word of every group means the first that starts so', () => {
    for (const [path, node] of groups()) {
      const table = [...node.entries.map((entry) => entry.word), 'help'];
      for (const word of table) {
        for (const prefix of prefixes(word)) {
          const meant = first(prefix, table);
          const result = parse([...path, prefix], root);
          const expected = meant === 'help' ? ['irm', ...path] : ['irm', ...path, meant];
          expect([prefix, result.path]).toEqual([prefix, expected]);
        }
      }
    }
  });

  it('the shortest ones of the prototype keep their meaning', () => {
    const shortest = (path: string[], words: string) =>
      words.split(' ').map((word) => parse([...path, word], root, true).path.at(-1));
    expect(shortest([], 'i b u n')).toEqual(['ipcp', 'bind', 'unbind', 'name']);
    expect(shortest(['ipcp'], 'c d b e co di l')).toEqual(
      'create destroy bootstrap enroll connect disconnect list'.split(' '),
    );
    expect(shortest(['bind'], 'p proc i')).toEqual(['program', 'process', 'ipcp']);
    expect(shortest(['unbind'], 'p proc i')).toEqual(['program', 'process', 'ipcp']);
    expect(shortest(['name'], 'c d r u l')).toEqual(
      'create destroy register unregister list'.split(' '),
    );
  });

  it('every unambiguous prefix of a keyword sets its parameter, wherever it stands', () => {
    const all = [...commands()].flatMap(([path, command]) => {
      const rows = keywordsOf(command);
      const table = rows.map((row) => row.word);
      return rows.flatMap((row) =>
        prefixes(row.word)
          .filter((p) => (row.exact ? p === row.word : first(p, table) === row.word))
          .map((prefix) => ({ path, command, row, prefix })),
      );
    });
    expect(all.length).toBeGreaterThan(150);
    fc.assert(
      fc.property(fc.constantFrom(...all), ({ path, command, row, prefix }) => {
        // A value that no parameter takes: the complaint tells which one was asked.
        const firsts = Object.values(command.first).map((param) => param.choices[0] ?? '1');
        const result = parse([...path, ...firsts, prefix], root);
        if (row.param.arity === 'value' || row.param.arity === 'many') {
          expect(result).toMatchObject({
            kind: 'error',
            complaint: { text: `"${row.word}" needs a value: ${row.param.placeholder}.` },
          });
        } else if (result.kind === 'run') {
          expect(result.args[row.key]).toEqual(row.param.bare);
        } else {
          const text = JSON.stringify(result);
          expect(text).not.toContain('is unknown');
        }
      }),
      { seed: 2, numRuns: 1000 },
    );
  });

  it('the abbreviations of bootstrap are those of the prototype', () => {
    const command = parse(['i', 'b'], root, true);
    if (command.kind !== 'help' || command.node.kind !== 'command')
      throw new TypeError('no command');
    const table = keywordsOf(command.node).map((row) => row.word);
    const meant = (words: string) => words.split(' ').map((word) => first(word, table));
    expect(meant('t l n h i d de dev e ei a au tt p di r c')).toEqual(
      'type layer name hash ip dns device device ethertype eid addr autobind ttl port directory routing congestion'.split(
        ' ',
      ),
    );
  });
});

describe('robustness', () => {
  it('any words give a value, never an exception', () => {
    const word = fc.oneof(
      fc.constantFrom(
        ...'ipcp bind unbind name register create bootstrap type layer ttl -- help 1 * __proto__ constructor toString'.split(
          ' ',
        ),
      ),
      fc.string({ maxLength: 12 }),
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 12 }), fc.boolean(), (words, help) => {
        expect(['run', 'help', 'error']).toContain(parse(words, root, help).kind);
      }),
      { seed: 3, numRuns: 1500 },
    );
  });

  it('every example of every command parses to that command', () => {
    for (const [path, command] of commands()) {
      expect(command.examples.length).toBeGreaterThan(0);
      for (const example of command.examples) {
        const words = /(?:^|\()irm ([^>)]*)/
          .exec(example)![1]!
          .replaceAll("'", '')
          .trim()
          .split(' ');
        const result = parse(
          words.filter((word) => word !== '--json'),
          root,
        );
        expect([example, result.kind, result.path]).toEqual([example, 'run', ['irm', ...path]]);
      }
    }
  });
});
