/** redis-server with redis-cli, redis-benchmark, a replica, and a background save in a forked child. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compat } from './support/compat.ts';
import type { Host } from './support/host.ts';
import { type Proc, waitFor } from './support/proc.ts';

function startRedis(host: Host, port: number, ...args: string[]): Proc {
  return host.start([
    'redis-server',
    '--port',
    String(port),
    '--dir',
    host.dir,
    '--save',
    '',
    '--daemonize',
    'no',
    '--dbfilename',
    `dump-${port}.rdb`,
    '--enable-debug-command',
    'yes',
    '--repl-diskless-sync-delay',
    '0',
    ...args,
  ]);
}

const cli = (host: Host, port: number, ...args: string[]) =>
  host.ok(['redis-cli', '-p', String(port), ...args]);

const up = (host: Host, port: number) =>
  waitFor(
    `redis on ${port}`,
    async () => (await cli(host, port, 'ping').catch(() => '')) === 'PONG\n',
  );

compat('redis-cli talks to redis-server', async (host) => {
  const server = startRedis(host, 6379);
  await up(host, 6379);
  assert.equal(await cli(host, 6379, 'set', 'k', 'v'), 'OK\n');
  assert.equal(await cli(host, 6379, 'get', 'k'), 'v\n');
  const list = await cli(host, 6379, 'client', 'list');
  assert.match(list, /addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:6379/);
  const big = 'x'.repeat(1_000_000);
  assert.equal(await host.ok(['redis-cli', '-x', 'set', 'big'], { input: big }), 'OK\n');
  assert.equal(await cli(host, 6379, 'strlen', 'big'), '1000000\n');
  await host.run(['redis-cli', 'shutdown', 'nosave']);
  assert.equal(await server.wait(5000), 0);
});

compat('redis-benchmark runs 50 clients', async (host) => {
  startRedis(host, 6379);
  await up(host, 6379);
  const out = await host.ok(
    ['redis-benchmark', '-q', '-n', '20000', '-c', '50', '-t', 'get,set,lpush'],
    {},
    40_000,
  );
  assert.match(out, /SET: .*requests per second/);
  assert.match(out, /GET: .*requests per second/);
  assert.equal(await cli(host, 6379, 'llen', 'mylist'), '20000\n');
});

compat('a redis replica follows its master, and saves in the background', async (host) => {
  startRedis(host, 6379);
  await up(host, 6379);
  await cli(host, 6379, 'debug', 'populate', '50000', 'key', '100');
  startRedis(host, 6380, '--replicaof', '127.0.0.1', '6379');
  await up(host, 6380);
  await waitFor('the full sync', async () =>
    /master_link_status:up/.test(await cli(host, 6380, 'info', 'replication')),
  );
  assert.equal(await cli(host, 6380, 'dbsize'), '50000\n');
  await cli(host, 6379, 'set', 'later', 'yes');
  await waitFor('the change', async () => (await cli(host, 6380, 'get', 'later')) === 'yes\n');
  assert.match(await cli(host, 6379, 'bgsave'), /Background saving started/);
  await waitFor('the save', async () =>
    /rdb_bgsave_in_progress:0[\s\S]*rdb_last_bgsave_status:ok/.test(
      await cli(host, 6379, 'info', 'persistence'),
    ),
  );
  assert.ok(existsSync(join(host.dir, 'dump-6379.rdb')));
  assert.equal(await cli(host, 6379, 'get', 'later'), 'yes\n');
});
