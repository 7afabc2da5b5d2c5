/** What becomes of open flows and streams when the cable is pulled for a second, or the IPC processes of one host are killed. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { onTwoHosts } from './support/compat.ts';
import { bin, type Host, setLink } from './support/host.ts';
import { waitFor } from './support/proc.ts';
import { addresses, ips, irm, serveWeb, startIrmd } from './support/two-hosts.ts';

const layers: Record<string, (host: Host, side: 0 | 1) => string> = {
  'eth-dix': () => 'i b t eth-dix l wire n w dev veth0',
  'eth-llc': () => 'i b t eth-llc l wire n w dev veth0',
  udp4: (_host, side) => `i b t udp4 l wire n w ip ${ips.udp4[side]} peers ${ips.udp4[1 - side]}`,
};

async function join2(type: string, a: Host, b: Host): Promise<void> {
  if (type === 'udp4') addresses(a, b);
  for (const [side, host] of [a, b].entries()) {
    await startIrmd(host);
    await irm(host, layers[type]!(host, side as 0 | 1));
  }
}

async function pull(host: Host): Promise<void> {
  setLink(host, false);
  await pause(1000);
  setLink(host, true);
}

for (const type of Object.keys(layers)) {
  onTwoHosts(`a ping goes on after the cable was out: ${type}`, async (a, b) => {
    await join2(type, a, b);
    const server = a.start([bin('oping'), '-l', '-n', 'server'], { under: false });
    await waitFor('the server', () => server.stdout.includes('started'));
    await irm(a, 'reg n server l wire');
    const argv = [bin('oping'), '-n', 'server', '-i', '100', '-c', '40'];
    const client = b.start(argv, { under: false });
    await waitFor('pings', () => client.stdout.includes('seq=5'));
    await pull(a);
    assert.equal(await client.wait(10_000), 0, client.output);
    assert.match(client.stdout, /seq=39 time/);
    const lost = Number(/([\d.]+)% packet loss/.exec(client.stdout)?.[1]);
    assert.ok(lost > 0 && lost < 60, client.stdout);
    assert.doesNotMatch(server.stdout.replace(/Flow 64 timed out\.\s*$/, ''), /timed out/);
  });

  onTwoHosts(`a killed ipcpd is noticed on the other host: ${type}`, async (a, b) => {
    await join2(type, a, b);
    const server = a.start([bin('oping'), '-l', '-n', 'server'], { under: false });
    await waitFor('the server', () => server.stdout.includes('started'));
    await irm(a, 'reg n server l wire');
    // Idle flows: nothing is sent for 8 s, and no time-out of the tool is near.
    const idle = () => b.start([bin('oping'), '-n', 'server', '-i', '8s'], { under: false });
    const clients = [idle(), idle(), idle()];
    for (const client of clients) await waitFor('a ping', () => client.stdout.includes('seq=0'));
    const list = JSON.parse((await a.tool('irm', 'ipcp', 'list', '--json')).stdout);
    process.kill(list[0].pid, 'SIGKILL');
    for (const client of clients) {
      assert.equal(await client.wait(5000), 0, client.output);
      assert.match(client.stdout, /The server is gone\./);
    }
    const again = await b.tool('oping', '-n', 'server', '-c', '2', '-i', '10');
    assert.match(again.stdout, /2 received/);
  });

  onTwoHosts(`streams go on after the cable was out: ${type}`, async (a, b) => {
    await join2(type, a, b);
    const { body } = await serveWeb(a, 'wire');
    // One connection, with a pause between two requests of it, in which the cable is out.
    const script = [
      'import http.client, sys, time, hashlib',
      'c = http.client.HTTPConnection("web", 8000, timeout=20)',
      'c.connect()',
      'print("connected", flush=True)',
      'sys.stdin.readline()',
      'c.request("GET", "/big")',
      'print(hashlib.sha256(c.getresponse().read()).hexdigest(), flush=True)',
    ].join('\n');
    const client = b.start(['python3', '-c', script]);
    await waitFor('the connection', () => client.stdout.includes('connected'));
    setLink(a, false);
    // What a program sends before its host has noticed is lost on the wire.
    for (const host of [a, b])
      await waitFor('word of it', async () => {
        const { stdout } = await host.tool('irm', 'ipcp', 'stats', 'name', 'w', '--json');
        return JSON.parse(stdout)[0].counters['link up'] === 0;
      });
    // What the program sends meanwhile is not lost.
    client.child.stdin?.write('\n');
    await pause(700);
    setLink(a, true);
    assert.equal(await client.wait(20_000), 0, client.output);
    assert.match(client.stdout, new RegExp(createHash('sha256').update(body).digest('hex')));
  });
}
