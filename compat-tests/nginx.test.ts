/** nginx: master and two workers, keep-alive, sendfile of a large file, reload under load; clients curl and wrk. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compat } from './support/compat.ts';
import type { Host } from './support/host.ts';
import { type Proc, waitFor } from './support/proc.ts';

const LARGE = 100 << 20;

async function startNginx(host: Host): Promise<Proc> {
  const www = join(host.dir, 'www');
  mkdirSync(www);
  for (const d of [host.dir, www]) chmodSync(d, 0o755); // the workers run as another user
  writeFileSync(join(www, 'small'), 'x'.repeat(612));
  const conf = join(host.dir, 'nginx.conf');
  writeFileSync(
    conf,
    `daemon off; master_process on; worker_processes 2; pid ${host.dir}/nginx.pid;
     error_log ${host.dir}/error.log info;
     events { worker_connections 512; }
     http { access_log ${host.dir}/access.log; sendfile on; tcp_nopush on; keepalive_requests 100000;
       client_body_temp_path ${host.dir}/b; proxy_temp_path ${host.dir}/p; fastcgi_temp_path ${host.dir}/f;
       uwsgi_temp_path ${host.dir}/u; scgi_temp_path ${host.dir}/s;
       server { listen 8080; listen [::]:8080; root ${www}; } }`,
  );
  const server = host.start(['nginx', '-c', conf, '-p', host.dir, '-e', `${host.dir}/error.log`]);
  await waitFor('nginx', () =>
    host.ok(['curl', '-sf', 'http://127.0.0.1:8080/small']).catch(() => ''),
  );
  return server;
}

const wrk = (url: string, seconds: number) => ['wrk', '-t1', '-c20', `-d${seconds}s`, url];

compat(
  'nginx sends a 100 MB file unchanged',
  async (host) => {
    await startNginx(host);
    const large = join(host.dir, 'www', 'large');
    writeFileSync(large, randomFillSync(Buffer.alloc(LARGE)));
    const copy = join(host.dir, 'copy');
    await host.ok(['curl', '-sf', '-o', copy, 'http://127.0.0.1:8080/large'], {}, 60_000);
    const sums = await host.ok(['sha256sum', large, copy], { under: false });
    const [a, b] = sums.split('\n').map((line) => line.split(' ')[0]);
    assert.equal(a, b);
  },
  { ms: 90_000 },
);

compat('nginx keeps connections alive, and logs its clients', async (host) => {
  await startNginx(host);
  const url = 'http://127.0.0.1:8080/small';
  const out = await host.ok([
    'curl',
    '-sf',
    '-w',
    '%{num_connects} %{remote_ip}:%{remote_port}\n',
    '-o',
    '/dev/null',
    url,
    '-o',
    '/dev/null',
    url,
    '-o',
    '/dev/null',
    url,
  ]);
  assert.deepEqual(out.trim().split('\n'), [
    '1 127.0.0.1:8080',
    '0 127.0.0.1:8080',
    '0 127.0.0.1:8080',
  ]);
  const six = await host.ok(['curl', '-sfg', 'http://[::1]:8080/small']);
  assert.equal(six.length, 612);
  const log = await host.ok(['cat', join(host.dir, 'access.log')], { under: false });
  assert.match(log, /^127\.0\.0\.1 - - .*GET \/small/m);
  assert.match(log, /^::1 - - .*GET \/small/m);
});

compat(
  'nginx reloads under load without a failed request',
  async (host) => {
    const server = await startNginx(host);
    const workers = () => host.pidsOf('nginx: worker process').sort().join(' ');
    await waitFor('two workers', () => workers().split(' ').length === 2);
    const before = workers();
    const load = host.start(wrk('http://127.0.0.1:8080/small', 4));
    for (let i = 0; i < 3; i++) {
      await new Promise((r) => setTimeout(r, 700));
      process.kill(server.pid, 'SIGHUP');
    }
    assert.equal(await load.wait(30_000), 0);
    assert.match(load.stdout, /requests in/);
    assert.doesNotMatch(load.stdout, /Non-2xx|connect [1-9]|timeout [1-9]/);
    await waitFor('new workers', () => workers() !== before && workers().split(' ').length === 2);
    process.kill(server.pid, 'SIGQUIT');
    assert.equal(await server.wait(10_000), 0);
  },
  { ms: 90_000 },
);
