import { describe, expect, it } from '@jest/globals';
import { qosRaw } from '#lib/core/index.ts';
import type { FlowRow, IpcpRow, NameRow, ProcessRow, ProgramRow } from '#lib/irm/index.ts';
import { irm } from '../testing/session.ts';

const ipcps: IpcpRow[] = [
  { name: 'local', pid: 6532, type: 'local', layer: 'local', state: 'operational' },
  { name: 'eth', pid: 19591, type: 'eth-llc', layer: 'ethernet', state: 'operational' },
  { name: 'n1', pid: 19591, type: 'unicast', state: 'init' },
];
const names: NameRow[] = [
  {
    name: 'ioq3',
    lb: 'spillover',
    programs: ['/opt/ioq3ded'],
    processes: [8, 9],
    ipcps: [],
    layers: ['ethernet'],
  },
  { name: 'server', lb: 'round-robin', programs: [], processes: [], ipcps: [], layers: [] },
];
const flows: FlowRow[] = [
  {
    flow: 0,
    peer: 1,
    name: 'server',
    pid: 10,
    peerPid: 11,
    uid: 0,
    state: 'allocated',
    qos: qosRaw,
    medium: 'ring',
  },
  {
    flow: 2,
    name: 'ioq3',
    pid: 12,
    uid: 0,
    state: 'allocated',
    qos: qosRaw,
    medium: 'ipcp',
    ipcp: 'eth',
    sent: { packets: 3, bytes: 4096 },
    received: { packets: 0, bytes: 0 },
  },
];
const processes: ProcessRow[] = [
  { pid: 10, uid: 0, program: 'oping', names: ['server'], flows: 1 },
  { pid: 12, uid: 1000, program: 'ioq3ded', names: ['ioq3', 'game'], flows: 0 },
];
const programs: ProgramRow[] = [
  { program: 'oping', path: '/usr/bin/oping', name: 'server', auto: true, args: ['-l'] },
];
const answers = {
  listIpcps: () => Promise.resolve(ipcps),
  listNames: () => Promise.resolve(names),
  listFlows: () => Promise.resolve(flows),
  listProcesses: () => Promise.resolve(processes),
  listPrograms: () => Promise.resolve(programs),
};

describe('ipcp list', () => {
  it('is the table of the prototype', async () => {
    const { out, status } = await irm('irm ipcp list', answers);
    expect(status).toBe(0);
    expect(out).toBe(
      [
        '+---------+----------------------+------------+----------------------+',
        '|     pid |                 name |       type |                layer |',
        '+---------+----------------------+------------+----------------------+',
        '|    6532 |                local |      local |                local |',
        '|   19591 |                  eth |    eth-llc |             ethernet |',
        '|   19591 |                   n1 |    unicast |        Not enrolled. |',
        '+---------+----------------------+------------+----------------------+',
        '',
        '',
      ].join('\n'),
    );
  });

  it.each([
    ['type local', ['local']],
    ['type eth-*', ['eth']],
    ['name n1', ['n1']],
    ['n *', ['local', 'eth', 'n1']],
    ['layer eth*', ['eth']],
    ['layer local type local', ['local']],
    ['layer local type unicast', []],
  ])('filters by %s', async (filter, expected) => {
    const { out } = await irm(`irm ipcp list ${filter} --json`, answers);
    expect(JSON.parse(out).map((row: IpcpRow) => row.name)).toEqual(expected);
  });

  it('gives rows as they are with --json', async () => {
    expect(JSON.parse((await irm('irm i l --json', answers)).out)).toEqual(ipcps);
  });

  it('grows with long values and keeps its shape', async () => {
    const name = 'n'.repeat(60);
    const { out } = await irm('irm ipcp list', {
      listIpcps: () => Promise.resolve([{ ...ipcps[0]!, name }]),
    });
    const lines = out.split('\n').filter((line) => line !== '');
    expect(out).toContain(name);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  });

  it('lets no name steer the terminal', async () => {
    const name = '\u001b[2J\u202eevil\n';
    const { out } = await irm('irm ipcp list', {
      listIpcps: () => Promise.resolve([{ ...ipcps[0]!, name }]),
    });
    expect(out).toContain('\\u001b[2J\\u202eevil\\u000a');
    expect(out.includes('\u001b')).toBe(false);
  });
});

describe('ipcp stats', () => {
  const stats = {
    ...answers,
    statusIpcp: (name: string) => Promise.resolve({ flows: 2, 'bytes sent': name.length }),
  };

  it('is a line per counter, of all or of some', async () => {
    const { out, status } = await irm('irm ipcp stats', stats);
    expect(status).toBe(0);
    expect(out).toMatch(
      /\| +local \| +flows \| +2 \|\n\| +local \| +bytes sent \| +5 \|\n\| +eth \| +flows/,
    );
    const one = await irm('irm i s n e* --json', stats);
    expect(JSON.parse(one.out)).toEqual([
      {
        name: 'eth',
        type: 'eth-llc',
        layer: 'ethernet',
        counters: { flows: 2, 'bytes sent': 3 },
      },
    ]);
  });

  it('says when there is nothing', async () => {
    expect((await irm('irm ipcp stats name x', stats)).out).toBe('No such counters.\n');
    expect((await irm('irm ipcp stats')).out).toBe('No counters in system.\n');
  });
});

describe('empty lists', () => {
  it.each([
    ['irm ipcp list', 'No IPCPs in system.\n'],
    ['irm name list', 'No names in system.\n'],
    ['irm flow list', 'No flows in system.\n'],
    ['irm process list', 'No processes in system.\n'],
    ['irm program list', 'No programs in system.\n'],
    ['irm ipcp list name x', 'No such IPCPs.\n'],
  ])('%s', async (line, expected) => {
    expect(await irm(line)).toMatchObject({ status: 0, out: expected });
    expect((await irm(`${line} --json`)).out).toBe('[]\n');
  });
});

describe('other lists', () => {
  const json = async (line: string, key: string) =>
    JSON.parse((await irm(`${line} --json`, answers)).out).map(
      (row: Record<string, unknown>) => row[key],
    );

  it('names, by name, beginning and layer', async () => {
    const { out } = await irm('irm name list', answers);
    expect(out).toMatch(
      /\| +name \| +load-balance policy \| +programs \| processes \| ipcps \| +layers \|/,
    );
    expect(out).toMatch(/ioq3 \| +spillover \| \/opt\/ioq3ded \| +8 9 \| +\| +ethernet \|/);
    expect(await json('irm name list name s*r', 'name')).toEqual(['server']);
    expect(await json('irm name list list io', 'name')).toEqual(['ioq3']);
    expect(await json('irm name list layer ethernet', 'name')).toEqual(['ioq3']);
  });

  it('flows, by name, process and IPCP', async () => {
    const { out } = await irm('irm flow list', answers);
    expect(out).toMatch(
      /\| +2 \| +- \| +12 \| +ioq3 \| +allocated \| +ipcp \| +4096 \| +0 \| +eth \|/,
    );
    expect(await json('irm flow list name server', 'flow')).toEqual([0]);
    expect(await json('irm flow list pid 11', 'flow')).toEqual([0]);
    expect(await json('irm flow list ipcp e*', 'flow')).toEqual([2]);
  });

  it('processes, by program and name', async () => {
    expect((await irm('irm process list', answers)).out).toMatch(/ioq3 game \|/);
    expect(await json('irm process list program oping', 'pid')).toEqual([10]);
    expect(await json('irm process list name game', 'pid')).toEqual([12]);
  });

  it('programs, with their command lines', async () => {
    expect((await irm('irm program list', answers)).out).toMatch(/yes \| +\/usr\/bin\/oping -l \|/);
    expect(await json('irm program list name x', 'name')).toEqual([]);
  });
});

describe('status', () => {
  const status = () =>
    Promise.resolve({
      version: '0.1.0',
      pid: 5,
      uid: 0,
      embedded: false,
      dir: '/run/ouroboros',
      started: 0,
    });

  it('says which irmd answers', async () => {
    expect((await irm('irm status', { status })).out).toBe(
      [
        'irmd     0.1.0 (daemon)',
        'pid      5',
        'user     0',
        'folder   /run/ouroboros',
        'started  1970-01-01T00:00:00.000Z',
        '',
      ].join('\n'),
    );
    expect(JSON.parse((await irm('irm s --json', { status })).out)).toMatchObject({ pid: 5 });
  });
});
