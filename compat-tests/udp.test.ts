/** Two hosts joined by IP: names from tables, from the DNS, from peers, and from /etc/hosts; pings and sockets over UDP layers. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { onTwoHosts } from './support/compat.ts';
import { bin, type Host, setLink } from './support/host.ts';
import { type Proc, waitFor } from './support/proc.ts';
import { addresses, ips, irm, serveWeb, startIrmd } from './support/two-hosts.ts';

type Type = keyof typeof ips;

async function startPingServer(host: Host): Promise<Proc> {
  const server = host.start([bin('oping'), '-l'], { under: false });
  await waitFor('the server', () => server.stdout.includes('Ouroboros ping server started.'));
  await irm(host, `b process ${server.pid} n server`);
  return server;
}

async function ping(host: Host, ...options: string[]): Promise<void> {
  const { code, stdout, stderr } = await host.tool('oping', '-n', 'server', '-c', '4', ...options);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^4 SDUs transmitted, 4 received, 0% packet loss/m);
}

const hashOf = (name: string) => createHash('md5').update(name).digest('hex');

for (const type of ['udp4', 'udp6'] as const)
  onTwoHosts(`the talk's table: oping over ${type}, names from a table of hosts`, async (a, b) => {
    addresses(a, b);
    const [irmdA, irmdB] = [await startIrmd(a), await startIrmd(b)];
    const [ipA, ipB] = ips[type];
    await irm(a, `i b t ${type} l internet n udp ip ${ipA}`);
    await irm(b, `i b t ${type} l internet n udp ip ${ipB} hosts server=${ipA}`);
    await startPingServer(a);
    await irm(a, 'reg n server l internet');
    assert.match(irmdA.output, /irmd\(II\): Registered server in internet as cf1e8c14\./);
    await ping(b, '-i', '20');
    await ping(b, '-i', '5', '-s', '1400');
    assert.match(irmdA.output, /Flow request arrived for server\./);
    for (const irmd of [irmdA, irmdB])
      await waitFor('the end of all flows on both hosts', () =>
        /(Completed deallocation[\s\S]*){2}/.test(irmd.output),
      );
  });

onTwoHosts(
  'peers of ours are asked for names, and say when they have them no more',
  async (a, b) => {
    addresses(a, b);
    const [ipA, ipB] = ips.udp4;
    for (const host of [a, b]) await startIrmd(host);
    await irm(a, `i b t udp4 l internet n udp ip ${ipA} port 4000`);
    await irm(b, `i b t udp4 l internet n udp ip ${ipB} port 4000 peers ${ipA}`);
    await startPingServer(a);
    assert.notEqual((await b.tool('oping', '-n', 'server', '-c', '1')).code, 0);
    await irm(a, 'reg n server l internet');
    await ping(b, '-i', '10');
    await irm(a, 'unreg n server l internet');
    assert.notEqual((await b.tool('oping', '-n', 'server', '-c', '1')).code, 0);
  },
);

onTwoHosts('a layer goes on after its cable was out for a while', async (a, b) => {
  addresses(a, b);
  const [ipA, ipB] = ips.udp4;
  for (const host of [a, b]) await startIrmd(host);
  await irm(a, `i b t udp4 l internet n udp ip ${ipA}`);
  await irm(b, `i b t udp4 l internet n udp ip ${ipB} peers ${ipA}`);
  await startPingServer(a);
  await irm(a, 'reg n server l internet');
  await ping(b, '-i', '10');
  setLink(a, false);
  assert.notEqual((await b.tool('oping', '-n', 'server', '-c', '1')).code, 0);
  setLink(a, true);
  await waitFor('an answer', async () => {
    const { code } = await b.tool('oping', '-n', 'server', '-c', '1');
    return code === 0;
  });
  await ping(b, '-i', '10');
});

onTwoHosts("the system's resolver finds a name's hash in /etc/hosts", async (a, b) => {
  addresses(a, b);
  const [ipA, ipB] = ips.udp4;
  // What `ip netns exec` shows as /etc to the programs of that namespace.
  const etc = `/etc/netns/${b.netns}`;
  mkdirSync(etc, { recursive: true });
  try {
    writeFileSync(join(etc, 'hosts'), `${ipA} ${hashOf('server')}\n`);
    for (const host of [a, b]) await startIrmd(host);
    await irm(a, `i b t udp4 l internet n udp ip ${ipA}`);
    await irm(b, `i b t udp4 l internet n udp ip ${ipB}`);
    await startPingServer(a);
    await irm(a, 'reg n server l internet');
    await ping(b, '-i', '10');
  } finally {
    rmSync(etc, { recursive: true });
  }
});

async function startNamed(host: Host): Promise<Proc> {
  const dir = join(host.dir, 'named');
  mkdirSync(dir);
  const records = '@ 60 IN SOA ns. admin. 1 60 60 60 1\n@ 60 IN NS ns.\nns. 60 IN A 10.9.0.1\n';
  writeFileSync(join(dir, 'root.zone'), records);
  const conf = join(dir, 'named.conf');
  writeFileSync(
    conf,
    `options { directory "${dir}"; pid-file none; session-keyfile "${dir}/session.key"; recursion no;
       dnssec-validation no; listen-on { any; }; listen-on-v6 { any; }; };
     controls { };
     zone "." { type primary; file "root.zone"; allow-update { any; }; };\n`,
  );
  const named = host.start(['/usr/sbin/named', '-g', '-c', conf], { under: false });
  await waitFor('named', () => named.output.includes('all zones loaded'));
  return named;
}

const noNamed = existsSync('/usr/sbin/named') ? undefined : 'needs named (Debian package bind9)';

function withDns(type: Type): void {
  const name = `names of a ${type} layer are in the DNS while they are registered`;
  if (noNamed !== undefined) {
    test(name, { skip: noNamed }, () => {});
    return;
  }
  onTwoHosts(name, async (a, b) => {
    addresses(a, b);
    const named = await startNamed(a);
    for (const host of [a, b]) await startIrmd(host);
    const [ipA, ipB] = ips[type];
    await irm(a, `i b t ${type} l internet n udp ip ${ipA} dns ${ipA}`);
    await irm(b, `i b t ${type} l internet n udp ip ${ipB} dns ${ipA}`);
    await startPingServer(a);
    await irm(a, 'reg n server l internet');
    await ping(b, '-i', '10');
    const added = `adding an RR at '${hashOf('server')}' ${type === 'udp4' ? 'A' : 'AAAA'} ${ipA}`;
    assert.ok(named.output.includes(added), named.output);
    await irm(a, 'unreg n server l internet');
    await waitFor('the update', () => /deleting an RR at/.test(named.output));
    named.kill('SIGTERM');
    await named.wait(5000);
  });
}
withDns('udp4');
withDns('udp6');

onTwoHosts(
  'sockets cross a UDP layer: python http.server there, curl here',
  async (a, b) => {
    addresses(a, b);
    const [ipA, ipB] = ips.udp4;
    for (const host of [a, b]) await startIrmd(host);
    await irm(a, `i b t udp4 l internet n udp ip ${ipA}`);
    await irm(b, `i b t udp4 l internet n udp ip ${ipB} peers ${ipA}`);
    const { www } = await serveWeb(a, 'internet');
    await waitFor('the page', () =>
      b.ok(['curl', '-sf', '--max-time', '5', 'http://web:8000/']).catch(() => ''),
    );
    await b.ok(['curl', '-sf', '-o', join(b.dir, 'copy'), 'http://web:8000/big']);
    const digest = (file: string) =>
      execFileSync('sha256sum', [file], { encoding: 'utf8' }).split(' ')[0];
    assert.equal(digest(join(b.dir, 'copy')), digest(join(www, 'big')));
  },
  { ms: 90_000 },
);

/** Two hosts with a layer over UDP, and operf's server on the first. */
async function withPerfServer(a: Host, b: Host, type: Type, more = ''): Promise<Proc> {
  addresses(a, b);
  const [ipA, ipB] = ips[type];
  for (const host of [a, b]) await startIrmd(host);
  await irm(a, `i b t ${type} l internet n udp ip ${ipA}${more}`);
  await irm(b, `i b t ${type} l internet n udp ip ${ipB} hosts perf=${ipA}${more}`);
  const server = a.start([bin('operf'), '-l'], { under: false });
  await waitFor('the server', () => server.stdout.includes('Server started.'));
  await irm(a, `b process ${server.pid} n perf`);
  await irm(a, 'reg n perf l internet');
  return server;
}

/** A process's UDP sockets, as ss lists them. */
async function socketsOf(host: Host, { pid }: Proc): Promise<string[]> {
  const ss = host.start(['ss', '-Huanp'], { under: false });
  await ss.exited;
  return ss.stdout.split('\n').filter((line) => line.includes(`pid=${pid},`));
}

/** What operf says at the end, and what its server and the IPC process on its own host say meanwhile. */
async function perf(a: Host, b: Host, server: Proc, ...options: string[]) {
  const client = b.start([bin('operf'), '-n', 'perf', '-d', '2s', '--json', ...options], {
    under: false,
  });
  await waitFor('many packets', async () => {
    const { stdout } = await b.tool('irm', 'flow', 'list', '--json');
    const flows: { sent?: { packets: number } }[] = JSON.parse(stdout);
    return flows.some(({ sent }) => (sent?.packets ?? 0) > 50_000);
  });
  const sockets = await socketsOf(a, server);
  await client.wait(20_000);
  const result = JSON.parse(client.stdout);
  const { stdout } = await b.tool('irm', 'ipcp', 'stats', '--json');
  const [{ counters }] = JSON.parse(stdout);
  return { result, sockets, throughIpcp: Number(counters['packets sent']) };
}

for (const type of ['udp4', 'udp6'] as const)
  onTwoHosts(`a busy flow over ${type} goes from program to program`, async (a, b) => {
    const server = await withPerfServer(a, b, type);
    const { result, sockets, throughIpcp } = await perf(a, b, server, '-f', '-s', '1400');
    assert.equal(result.lossPercent, 0);
    assert.equal(sockets.length, 1, `one socket, not:\n${sockets.join('\n')}`);
    assert.ok(sockets[0]?.includes(ips[type][0]), sockets[0]);
    assert.ok(throughIpcp < result.sent.packets / 2, `${throughIpcp} of ${result.sent.packets}`);
    await waitFor('the end of the socket', async () => (await socketsOf(a, server)).length === 0);
  });

for (const who of ['program', 'IPC process'] as const)
  onTwoHosts(`the death of the other ${who} ends a busy flow`, async (a, b) => {
    const server = await withPerfServer(a, b, 'udp4');
    const argv = [bin('operf'), '-n', 'perf', '-d', '60s', '-f', '-s', '1400'];
    const client = b.start(argv, { under: false });
    await waitFor('a shortcut', async () => (await socketsOf(b, client)).length === 1);
    for (const pid of who === 'program' ? [server.pid] : a.pidsOf('/ipcps/main'))
      process.kill(pid, 'SIGKILL');
    assert.notEqual(await client.wait(10_000), 0);
    assert.match(client.stderr, /lost|died/);
  });

onTwoHosts('a layer that forbids shortcuts carries all of a busy flow', async (a, b) => {
  const server = await withPerfServer(a, b, 'udp4', ' shortcuts no');
  const { result, sockets, throughIpcp } = await perf(a, b, server, '-f', '-s', '1400');
  assert.equal(result.lossPercent, 0);
  assert.deepEqual(sockets, []);
  assert.ok(throughIpcp >= result.sent.packets);
});

onTwoHosts(
  'a firewall that knows the port of the layer alone costs a busy flow nothing',
  async (a, b) => {
    for (const host of [a, b]) {
      const rule = (words: string) =>
        execFileSync('ip', ['-n', host.netns ?? '', 'rule', ...words.split(' ')]);
      // What comes in goes through the rules before the table of own addresses is asked.
      rule('add pref 30 lookup local');
      rule('add pref 10 iif veth0 ipproto udp dport 3435 lookup local');
      rule('add pref 20 iif veth0 ipproto udp blackhole');
      rule('del pref 0');
    }
    const server = await withPerfServer(a, b, 'udp4');
    const { result, throughIpcp } = await perf(a, b, server, '-f', '-s', '1400');
    assert.equal(result.lossPercent, 0);
    assert.ok(throughIpcp >= result.sent.packets);
  },
);
