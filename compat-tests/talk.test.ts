/** The talk's local act, command by command in the order shown, and native programs beside shimmed ones. */
import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { onHost } from './support/compat.ts';
import { bin } from './support/host.ts';
import { waitFor } from './support/proc.ts';

onHost("the talk's local act works as shown", async (host) => {
  const start = (...argv: string[]) => host.start(argv, { under: false });
  const irm = async (...args: string[]) => {
    const r = await host.tool('irm', ...args);
    assert.equal(r.code, 0, `irm ${args.join(' ')}: ${r.stderr}${r.stdout}`);
    assert.equal(r.stdout, '', `irm ${args.join(' ')} is silent`);
  };
  const irmd = start(bin('irmd'), '--stdout');
  await waitFor('irmd', () =>
    irmd.stdout.includes('irmd(II): Ouroboros IPC Resource Manager daemon started...'),
  );
  const server = start(bin('oping'), '-l');
  await waitFor('the server', () => server.stdout.includes('Ouroboros ping server started.'));
  await irm('bind', 'process', String(server.pid), 'name', 'server');
  await irm('ipcp', 'bootstrap', 'type', 'local', 'name', 'local', 'layer', 'local');
  await irm('register', 'name', 'server', 'layer', 'local');

  const ping = start(bin('oping'), '-n', 'server');
  await waitFor('four answers', () => /seq=3 /.test(ping.stdout), 15_000);
  ping.kill('SIGINT');
  assert.equal(await ping.wait(5000), 0);
  assert.match(ping.stdout, /^Pinging server with 64 bytes of data/m);
  assert.match(ping.stdout, /^64 bytes from server: seq=0 time=\d+\.\d{3} ms$/m);
  assert.match(ping.stdout, /^--- server ping statistics ---$/m);
  assert.match(
    ping.stdout,
    /^\d+ SDUs transmitted, \d+ received, 0% packet loss, time: \d+\.\d{3} ms$/m,
  );
  assert.match(ping.stdout, /^rtt min\/avg\/max\/mdev = [\d.]+\/[\d.]+\/[\d.]+\/[\d.]+ ms$/m);
  assert.match(server.stdout, /^New flow 64\.$/m);

  const pid = /irmd\(II\): Created IPCP (\d+)\./.exec(irmd.stdout)?.[1];
  assert.ok(pid, irmd.stdout);
  for (const line of [
    `irmd(II): Bound process ${server.pid} to name server.`,
    `irmd(II): Bootstrapped IPCP ${pid} in layer local.`,
    'irmd(II): Registered server in local as 081afc84.',
    'irmd(II): Flow request arrived for server.',
    'irmd(II): Flow on port_id 0 | 1 allocated.',
    `ipcpd-local(II): Bootstrapped local IPCP with pid ${pid}.`,
    'ipcpd-local(II): Registered 081afc84.',
    'ipcpd-local(II): Pending local allocation request on fd 64.',
    'ipcpd-local(II): Flow allocation completed, fds (64, 65).',
  ])
    assert.ok(irmd.output.includes(line), `"${line}" is not in\n${irmd.output}`);
  await waitFor(
    'the deallocation',
    () =>
      /irmd\(II\): Completed deallocation of port_id 0 \| 1 by process \d+\./.test(irmd.output) &&
      irmd.output.includes('ipcpd-local(II): Flow with fd 64 deallocated.') &&
      irmd.output.includes('ipcpd-local(II): Flow with fd 65 deallocated.'),
  );
  const list = await host.tool('irm', 'ipcp', 'list', '--json');
  assert.equal(JSON.parse(list.stdout)[0].layer, 'local');
  server.kill('SIGINT');
  await server.wait(5000);
  irmd.kill('SIGTERM');
  assert.equal(await irmd.wait(5000), 0);
});

onHost('programs bound to a name inherit it, and are reached by it', async (host) => {
  const irmd = host.start([bin('irmd'), '--stdout'], { under: false });
  await waitFor('irmd', () => irmd.stdout.includes('started...'));
  const python = realpathSync('/usr/bin/python3');
  for (const words of ['i b t local l local n l1', `b prog ${python} n web`, 'reg n web l local'])
    assert.equal((await host.tool('irm', ...words.split(' '))).code, 0, words);
  const server = host.start([python, '-u', '-m', 'http.server', '8000']);
  await waitFor('the program', () =>
    irmd.output.includes(
      `Process ${server.pid} inherits name web from program ${basename(python)}`,
    ),
  );
  const page = await waitFor('the page', () =>
    host.ok(['curl', '-sf', 'http://web:8000/']).catch(() => ''),
  );
  assert.match(page, /Directory listing/);
  assert.match(irmd.output, /Flow request arrived for web\./);
  const flows = await host.tool('irm', 'flow', 'list', '--json');
  assert.equal(flows.code, 0);
  host.checkPath();
});

onHost(
  'a native client reaches a shimmed server, and a shimmed client a native server',
  async (host) => {
    const irmd = host.start([bin('irmd'), '--stdout'], { under: false });
    await waitFor('irmd', () => irmd.stdout.includes('started...'));
    await host.tool('irm', ...'i b t local l local n l1'.split(' '));
    // oecho talks to the fixed name "oecho": a plain sockets server stands in for it, then the other way round.
    const server = host.start(['socat', 'TCP4-LISTEN:7777,reuseaddr,fork', 'EXEC:cat'], {
      options: ['--name', 'oecho'],
    });
    const answer = await waitFor('the echo', async () => {
      const r = await host.tool('oecho');
      return r.code === 0 && r.stdout;
    });
    assert.match(answer, /Server replied with Client says hi!/);
    server.kill('SIGKILL');
    await server.wait(5000);
    const native = host.start([bin('oecho'), '-l'], { under: false });
    await waitFor('oecho', () => native.stdout.includes('Starting the server.'));
    assert.equal(
      (await host.tool('irm', 'bind', 'process', String(native.pid), 'name', 'echo2')).code,
      0,
    );
    assert.equal((await host.tool('irm', ...'reg n echo2 l local'.split(' '))).code, 0);
    const out = await host.ok(['socat', '-t3', '-', 'TCP4:echo2:7'], { input: 'from a socket' });
    assert.equal(out.replace(/\0/g, ''), 'from a socket');
    assert.match(native.stdout, /Message from client is from a socket/);
    host.checkPath();
  },
);
