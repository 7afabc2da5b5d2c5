import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { UsageError } from '#lib/core/index.ts';
import { irm } from '../testing/session.ts';
import { bashScript } from './bash.ts';

const answers = {
  listIpcps: () =>
    Promise.resolve([
      { name: 'n1', pid: 1, type: 'unicast', layer: 'net', state: 'operational' },
      { name: 'l1', pid: 1, type: 'local', layer: 'local', state: 'operational' },
      { name: 'l2', pid: 1, type: 'local', layer: 'local', state: 'operational' },
    ]),
  listNames: () =>
    Promise.resolve([
      {
        name: 'server',
        lb: 'spillover',
        programs: [],
        processes: [],
        ipcps: [],
        layers: [],
      } as const,
    ]),
  listProcesses: () =>
    Promise.resolve([{ pid: 6417, uid: 0, program: 'oping', names: [], flows: 0 }]),
  listPrograms: () =>
    Promise.resolve([
      { program: 'oping', path: '/usr/bin/oping', name: 'server', auto: false, args: [] },
    ]),
};

/** Candidates for the last word of a line, without their descriptions. */
async function after(line: string): Promise<string[]> {
  const words = line.split(' ').slice(1);
  const { out, status } = await irm(['__complete', ...words], answers);
  expect(status).toBe(0);
  return out
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => row.split('\t')[0]!);
}

describe('candidates', () => {
  it.each([
    [
      'irm ',
      'ipcp bind unbind name register unregister flow process program status completion help',
    ],
    ['irm reg', 'register'],
    ['irm i ', 'create destroy bootstrap enroll connect disconnect list stats help'],
    ['irm help ipcp c', 'create connect'],
    ['irm ipcp create ', 'name type isolate'],
    ['irm ipcp create name x ', 'type isolate'],
    [
      'irm ipcp create type ',
      'unicast broadcast local udp4 udp6 eth-dix eth-llc raptor normal udp',
    ],
    ['irm i b t eth', 'eth-dix eth-llc'],
    ['irm i b t e if ', 'lo eth0'],
    [
      'irm i b ttl ',
      'type layer name hash ip dns device ethertype addr eid port autobind addr_auth directory dht_alpha dht_k dht_t_expire dht_t_refresh dht_t_replicate routing ls_t_timeo ls_t_update ls_t_recalc congestion domain peers hosts shortcuts isolate pff',
    ],
    ['irm ipcp destroy name ', 'n1 l1 l2'],
    ['irm ipcp destroy name l', 'l1 l2'],
    ['irm name register s', 'server'],
    ['irm name register server layer ', 'net local'],
    ['irm name register server layer net ', 'ipcp layer'],
    ['irm bind process ', '6417'],
    ['irm bind process 6417 name ', 'server'],
    ['irm bind program ', ':files'],
    ['irm bind program p name n auto -- ', ':files'],
    ['irm unbind program ', 'oping /usr/bin/oping'],
    ['irm unbind program /u', '/usr/bin/oping :files'],
    ['irm --', '--json --dir --help --version'],
    ['irm --dir ', ':files'],
    ['irm --dir /x ipcp destroy name n', 'n1'],
    ['irm ipcp connect name n1 component ', 'dt mgmt *'],
    ['irm completion ', 'bash zsh fish'],
    ['irm frob ', ''],
    ['irm ipcp create frob ', ''],
    ['irm status ', ''],
  ])('%s', async (line, expected) => {
    expect(await after(line)).toEqual(expected.split(' ').filter((word) => word !== ''));
  });

  it('are those of the table when no irmd answers', async () => {
    const connect = () => Promise.reject(new UsageError('down', 'EIRMD'));
    const outcome = await irm(['__complete', 'ipcp', 'destroy', 'name', ''], {}, { connect });
    expect(outcome).toMatchObject({ status: 0, out: '', err: '' });
  });

  it('never fail', async () => {
    expect((await irm(['__complete'])).status).toBe(0);
    expect((await irm(['__complete', '', '', ''])).status).toBe(0);
  });
});

describe('the script for bash', () => {
  it('offers what irm says, quoted, and files where irm asks for them', () => {
    const folder = mkdtempSync(join(tmpdir(), 'irm-completion-'));
    try {
      const fake = join(folder, 'irm');
      writeFileSync(
        fake,
        '#!/bin/sh\necho "$*" >&2\nprintf "server\\thelp\\nmy server\\thelp\\n%s\\n" "got:$#:$4"\n',
      );
      chmodSync(fake, 0o755);
      const script = `${bashScript}
        complete -p irm
        COMP_WORDS=(irm name register s); COMP_CWORD=3
        _irm "${fake}" s name
        printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { stdout, status } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' });
      expect(status).toBe(0);
      expect(stdout.split('\n')).toEqual([
        'complete -F _irm irm',
        'server',
        'my\\ server',
        'got:4:s',
        '',
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
