import { describe, expect, it } from '@jest/globals';
import { PeerError, RemoteError, UsageError } from '#lib/core/index.ts';
import { irm } from './testing/session.ts';

const down = () => Promise.reject(new PeerError('No irmd answers. Start one with `irmd`', 'EIRMD'));
const rows = [
  { name: 'n1', pid: 1, type: 'unicast', layer: 'net', state: 'operational' },
  { name: 'local', pid: 1, type: 'local', layer: 'local', state: 'operational' },
];
const listIpcps = () => Promise.resolve(rows);

describe('exit status', () => {
  it('is 255 without arguments, with the usage on stderr', async () => {
    const { status, out, err } = await irm([]);
    expect([status, out]).toEqual([255, '']);
    expect(err).toContain('Usage: irm COMMAND');
    expect((await irm(['--json'])).status).toBe(255);
  });

  it('is 0 for help, which goes to stdout', async () => {
    for (const line of [
      'irm help',
      'irm -h',
      'irm --help',
      'irm ipcp help',
      'irm ipcp bootstrap --help',
    ]) {
      const { status, out, err } = await irm(line);
      expect([line, status, err]).toEqual([line, 0, '']);
      expect(out).toMatch(/^Usage: irm /);
    }
  });

  it('is 1 for a line that stops too early', async () => {
    expect(await irm('irm ipcp')).toMatchObject({ status: 1, out: '' });
    expect((await irm('irm ipcp destroy')).err).toMatch(/^Usage: irm ipcp destroy name NAME\n/);
  });

  it('is 1 for an unknown word, and nothing is asked', async () => {
    expect(await irm('irm rgister name s layer l')).toMatchObject({
      status: 1,
      out: '',
      err: '"rgister" is unknown, try "irm help".\nDid you mean "register"?\n',
      calls: [],
    });
  });

  it('is 1 when no irmd answers', async () => {
    expect(await irm('irm ipcp list', {}, { connect: down })).toMatchObject({
      status: 1,
      out: '',
      err: 'No irmd answers. Start one with `irmd`.\n',
    });
  });
});

describe('failures', () => {
  it('of unknown things come with a hint', async () => {
    const destroyIpcp = (name: string) =>
      Promise.reject(new RemoteError('usage', 'EIPCP', `There is no IPCP ${name}`));
    expect((await irm('irm i d n n2', { destroyIpcp, listIpcps })).err).toBe(
      'There is no IPCP n2.\nDid you mean "n1"?\n',
    );
    expect((await irm('irm i d n zzz', { destroyIpcp, listIpcps })).err).toBe(
      'There is no IPCP zzz.\n"irm ipcp list" shows what there is.\n',
    );
  });

  it('know layers, names, processes and programs too', async () => {
    const registerName = () =>
      Promise.reject(new RemoteError('usage', 'EIPCP', 'Unknown layer: "locl"'));
    const listNames = () =>
      Promise.resolve([
        { name: 's', lb: 'spillover', programs: [], processes: [], ipcps: [], layers: [] } as const,
      ]);
    expect((await irm('irm reg n s l locl', { registerName, listIpcps, listNames })).err).toBe(
      'Unknown layer: "locl".\nDid you mean "local"?\n',
    );
  });

  it('give no hint when looking fails too', async () => {
    const destroyIpcp = () => Promise.reject(new UsageError('Unknown IPCP: "n2"', 'EIPCP'));
    const outcome = await irm('irm i d n n2', { destroyIpcp, listIpcps: down });
    expect(outcome).toMatchObject({ status: 1, err: 'Unknown IPCP: "n2".\n' });
    expect(outcome.calls.at(-1)).toEqual(['close']);
  });

  it('are JSON on stderr with --json', async () => {
    const bindProcess = () => Promise.reject(new RemoteError('policy', 'EPERM', 'Not yours: 5'));
    const { status, out, err } = await irm('irm b proc 5 n s --json', { bindProcess });
    expect([status, out]).toEqual([1, '']);
    expect(JSON.parse(err)).toEqual({
      error: { code: 'EPERM', fault: 'policy', message: 'Not yours: 5.', hints: [] },
    });
    expect(JSON.parse((await irm('irm frob --json')).err)).toMatchObject({
      error: { code: 'EINVAL', fault: 'usage' },
    });
  });

  it('of our own are not hidden', async () => {
    const destroyIpcp = () => Promise.reject(new TypeError('bug'));
    await expect(irm('irm i d n n2', { destroyIpcp })).rejects.toThrow('bug');
  });
});

describe('global options', () => {
  it('may stand anywhere before --', async () => {
    const seen: (string | undefined)[] = [];
    const connect = (dir: string | undefined) => {
      seen.push(dir);
      return down();
    };
    await irm('irm --dir /a ipcp list', {}, { connect });
    await irm('irm ipcp --dir=/b list --json', {}, { connect });
    await irm('irm bind program p name n auto -- --dir /c', {}, { connect });
    expect(seen).toEqual(['/a', '/b', undefined]);
  });

  it('tell the version', async () => {
    expect(await irm('irm --version')).toMatchObject({ status: 0, out: 'irm 1.2.3\n' });
    expect(JSON.parse((await irm('irm -V --json')).out)).toEqual({ version: '1.2.3' });
  });
});

describe('completion', () => {
  it('prints a script without irmd', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { status, out } = await irm(`irm completion ${shell}`, {}, { connect: down });
      expect(status).toBe(0);
      expect(out).toContain(`${shell} completion for irm`);
      expect(out).toContain('__complete');
    }
  });
});
