/** Python's asyncio, socketserver and multiprocessing: event loops, a process for each connection, listeners that children inherit. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compat } from './support/compat.ts';
import { root } from './support/host.ts';
import { waitFor } from './support/proc.ts';

const script = join(root, 'compat-tests/support/python_servers.py');

compat('asyncio serves streams and datagrams, children accept for their parents', async (host) => {
  const out = await host.ok(['python3', script, 'all'], {}, 30_000);
  assert.equal(out, 'streams\ndatagrams\nchildren\n');
});

compat('a server forks for each connection, and ouro-ps knows the child', async (host) => {
  const server = host.start(['python3', script, 'forking']);
  const pid = await waitFor('the server', () =>
    host
      .ok(['sh', '-c', 'echo who | nc -N 127.0.0.1 7003'])
      .then((text) => text.trim())
      .catch(() => ''),
  );
  assert.match(pid, /^\d+$/);
  assert.notEqual(Number(pid), server.pid);
  if (host.mode !== 'flows') return;
  const client = host.start(['python3', script, 'ask']);
  const child = await waitFor('a child', () => client.stdout.trim());
  const rows = JSON.parse((await host.tool('ouro-ps', '--json')).stdout) as {
    pid: number;
    state: string;
    local: string;
  }[];
  const accepted = rows.filter((r) => r.state === 'ESTAB' && r.local === '127.0.0.1:7003');
  assert.deepEqual(
    accepted.map((r) => r.pid),
    [Number(child)],
  );
  client.kill('SIGTERM');
  await waitFor('the end of the child', () => !existsSync(`/proc/${child}`));
});
