/** Two hosts with a cable between them: the talk's Ethernet act, word for word, and sockets across it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTwoHosts } from './support/compat.ts';
import { bin, type Host, setLink } from './support/host.ts';
import { type Proc, waitFor } from './support/proc.ts';
import { irm, serveWeb, startIrmd } from './support/two-hosts.ts';

async function startPingServer(host: Host, layer: string): Promise<Proc> {
  const server = host.start([bin('oping'), '-l'], { under: false });
  await waitFor('the server', () => server.stdout.includes('Ouroboros ping server started.'));
  await irm(host, `b process ${server.pid} n server`);
  await irm(host, `reg n server l ${layer}`);
  return server;
}

for (const [type, hash] of [
  ['eth-llc', '081afc84'],
  ['eth-dix', 'd19778d2'],
] as const)
  onTwoHosts(`the talk's Ethernet act over ${type}`, async (a, b) => {
    const [irmdA, irmdB] = [await startIrmd(a), await startIrmd(b)];
    for (const host of [a, b]) await irm(host, `i b t ${type} l ethernet n eth if veth0`);
    await startPingServer(a, 'ethernet');
    const pid = /irmd\(II\): Created IPCP (\d+)\./.exec(irmdA.stdout)?.[1];
    const shown = [
      `irmd(II): Created IPCP ${pid}.`,
      `ipcpd/${type}(II): Using raw socket device.`,
      `irmd(II): Bootstrapped IPCP ${pid} in layer ethernet.`,
      `irmd(II): Registered server in ethernet as ${hash}.`,
    ];
    let at = 0;
    for (const line of shown) {
      at = irmdA.output.indexOf(line, at);
      assert.ok(at >= 0, `"${line}" is not where the talk has it in\n${irmdA.output}`);
    }

    const ping = await b.tool('oping', '-n', 'server', '-c', '5', '-i', '50');
    assert.equal(ping.code, 0, ping.stderr);
    assert.match(ping.stdout, /^64 bytes from server: seq=4 time=\d+\.\d{3} ms$/m);
    assert.match(ping.stdout, /^5 SDUs transmitted, 5 received, 0% packet loss/m);
    const large = await b.tool('oping', '-n', 'server', '-c', '2', '-i', '10', '-s', '1400');
    assert.match(large.stdout, /2 received, 0% packet loss/);
    assert.match(irmdA.output, /Flow request arrived for server\./);
    for (const irmd of [irmdA, irmdB])
      await waitFor('the end of both flows on both hosts', () =>
        /Completed deallocation[\s\S]*Completed deallocation/.test(irmd.output),
      );
    const nobody = await b.tool('oping', '-n', 'nobody', '-c', '1');
    assert.notEqual(nobody.code, 0);
  });

onTwoHosts('layers of other ethertypes on one interface are apart', async (a, b) => {
  for (const host of [a, b]) {
    await startIrmd(host);
    await irm(host, 'i b t eth-dix l one n e1 dev veth0 ethertype A001');
    await irm(host, 'i b t eth-dix l two n e2 dev veth0 ethertype A002');
    await irm(host, 'i b t eth-llc l three n e3 dev veth0');
  }
  await startPingServer(a, 'two');
  const ping = await b.tool('oping', '-n', 'server', '-c', '3', '-i', '10');
  assert.match(ping.stdout, /3 received, 0% packet loss/);
});

onTwoHosts('a layer goes on after its cable was out for a while', async (a, b) => {
  const irmds = [await startIrmd(a), await startIrmd(b)];
  for (const host of [a, b]) await irm(host, 'i b t eth-dix l ethernet n eth dev veth0');
  await startPingServer(a, 'ethernet');
  setLink(a, false);
  for (const irmd of irmds)
    await waitFor('word of it', () => irmd.output.includes('Interface is down.'));
  const none = await b.tool('oping', '-n', 'server', '-c', '1');
  assert.notEqual(none.code, 0);
  setLink(a, true);
  for (const irmd of irmds)
    await waitFor('word of it', () => irmd.output.includes('Interface is up.'));
  const ping = await b.tool('oping', '-n', 'server', '-c', '3', '-i', '10');
  assert.match(ping.stdout, /3 received, 0% packet loss/);
});

onTwoHosts(
  'sockets cross the cable: python http.server there, curl here',
  async (a, b) => {
    for (const host of [a, b]) {
      await startIrmd(host);
      await irm(host, 'i b t eth-dix l ethernet n eth if veth0');
    }
    const { www, body } = await serveWeb(a, 'ethernet');
    writeFileSync(join(www, 'hello.txt'), 'hello across the cable\n');
    const hello = await waitFor('the page', () =>
      b.ok(['curl', '-sf', '--max-time', '5', 'http://web:8000/hello.txt']).catch(() => ''),
    );
    assert.equal(hello, 'hello across the cable\n');
    await b.ok(['curl', '-sf', '-o', join(b.dir, 'copy'), 'http://web:8000/big']);
    const sum = await b.ok(['sha256sum', join(b.dir, 'copy')], { under: false });
    assert.equal(sum.split(' ')[0], createHash('sha256').update(body).digest('hex'));
    a.checkPath();
    b.checkPath();
  },
  { ms: 90_000 },
);

/** Prints what it is told; `--name sink`, UDP port 9. */
const sink = `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('0.0.0.0', 9))
while True: print(s.recv(100).decode(), flush=True)`;
const tell = `
import os, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(sys.argv[1].encode(), ('sink', 9))
os._exit(0)`;

onTwoHosts(
  'a program there that sends one datagram and ends at once is heard here',
  async (a, b) => {
    for (const host of [a, b]) {
      await startIrmd(host);
      await irm(host, 'i b t eth-dix l ethernet n eth if veth0');
    }
    const server = a.start(['python3', '-c', sink], { options: ['--name', 'sink'] });
    await waitFor('the name', () =>
      a.tool('irm', 'name', 'list').then((r) => r.stdout.includes('sink')),
    );
    await irm(a, 'reg n sink l ethernet');
    for (let i = 0; i < 10; i++) {
      await b.ok(['python3', '-c', tell, `word ${i}`]);
      await waitFor(`word ${i}`, () => server.stdout.includes(`word ${i}\n`));
    }
  },
  { ms: 60_000 },
);
