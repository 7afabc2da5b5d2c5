/** Python's http.server and curl: many small requests, a large body, IPv4, IPv6 and the host's name. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { compat } from './support/compat.ts';
import { waitFor } from './support/proc.ts';

compat('python http.server serves curl', async (host) => {
  const www = join(host.dir, 'www');
  mkdirSync(www);
  const body = randomBytes(5_000_000);
  writeFileSync(join(www, 'big'), body);
  writeFileSync(join(www, 'hello.txt'), 'hello over flows\n');
  host.start(['python3', '-m', 'http.server', '-d', www, '8000']);
  const url = 'http://127.0.0.1:8000';
  const hello = await waitFor('the server', () =>
    host.ok(['curl', '-sf', `${url}/hello.txt`]).catch(() => ''),
  );
  assert.equal(hello, 'hello over flows\n');
  await host.ok(['curl', '-sf', '-o', join(host.dir, 'copy'), `${url}/big`]);
  const sum = await host.ok(['sha256sum', join(host.dir, 'copy')], { under: false });
  assert.equal(sum.split(' ')[0], createHash('sha256').update(body).digest('hex'));
  const missing = await host.run(['curl', '-sf', `${url}/none`]);
  assert.equal(missing.code, 22);
});

compat('curl is refused where nobody listens', async (host) => {
  const r = await host.run(['curl', '-s', '--max-time', '5', 'http://127.0.0.1:9']);
  assert.equal(r.code, 7);
  assert.equal((await host.run(['curl', '-s', '--max-time', '5', 'http://[::1]:9'])).code, 7);
});

compat('python http.server on IPv6 serves both families', async (host) => {
  writeFileSync(join(host.dir, 'f'), 'six\n');
  const server = host.start(['python3', '-u', '-m', 'http.server', '--bind', '::', '8001'], {
    cwd: host.dir,
  });
  const six = await waitFor('the server', () =>
    host.ok(['curl', '-sfg', 'http://[::1]:8001/f']).catch(() => ''),
  );
  assert.equal(six, 'six\n');
  assert.equal(await host.ok(['curl', '-sf', 'http://127.0.0.1:8001/f']), 'six\n');
  await waitFor('the log of both', () => server.output.split('GET /f').length >= 3);
  assert.match(server.output, /::1 - -/);
  assert.match(server.output, /::ffff:127\.0\.0\.1 - -/);
});

compat(
  'a server is reached by the name that it was given',
  async (host) => {
    writeFileSync(join(host.dir, 'f'), 'by name\n');
    host.start(['python3', '-m', 'http.server', '8002'], {
      options: ['--name', 'web'],
      cwd: host.dir,
    });
    const text = await waitFor('the server', () =>
      host.ok(['curl', '-sf', 'http://web:8002/f']).catch(() => ''),
    );
    assert.equal(text, 'by name\n');
    assert.equal(await host.ok(['curl', '-sf', `http://${hostname()}:8002/f`]), 'by name\n');
  },
  { modes: ['flows'] },
);
