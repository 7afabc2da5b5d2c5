/** Two hosts on a wire that loses, delays, doubles and reorders frames, and on one where somebody makes frames up. */
import assert from 'node:assert/strict';
import { onBadWire } from './support/bad-wire.ts';
import { bin, type Host } from './support/host.ts';
import { type Proc, waitFor } from './support/proc.ts';
import { addresses, ips, irm, startIrmd } from './support/two-hosts.ts';

const types = ['eth-dix', 'eth-llc', 'raptor', 'udp4', 'udp6'] as const;
type Type = (typeof types)[number];

/** A layer of that type on both hosts, with a ping server on `a`. */
async function joinLayer(type: Type, a: Host, b: Host): Promise<Proc[]> {
  addresses(a, b);
  const irmds = [await startIrmd(a), await startIrmd(b)];
  for (const [i, host] of [a, b].entries()) {
    const where =
      type === 'udp4' || type === 'udp6'
        ? `ip ${ips[type][i]} peers ${ips[type][1 - i]}`
        : 'dev veth0';
    await irm(host, `i b t ${type} l net n net ${where}`);
  }
  const server = a.start([bin('oping'), '-l'], { under: false });
  await waitFor('the server', () => server.stdout.includes('Ouroboros ping server started.'));
  await irm(a, `b process ${server.pid} n server`);
  await irm(a, 'reg n server l net');
  return irmds;
}

interface Statistics {
  transmitted: number;
  received: number;
}

async function ping(host: Host, ...options: string[]): Promise<Statistics> {
  const run = await host.tool('oping', '-n', 'server', ...options);
  assert.equal(run.code, 0, run.stderr + run.stdout);
  const line =
    /^(\d+) SDUs transmitted, (\d+) received, (?:\d+ out-of-order, )?([\d.]+)% packet loss/m;
  const [, transmitted = '', received = '', loss = ''] = line.exec(run.stdout) ?? [];
  const seen = { transmitted: Number(transmitted), received: Number(received) };
  assert.ok(seen.received <= seen.transmitted, run.stdout);
  const expected = 100 * (1 - seen.received / seen.transmitted);
  assert.ok(Math.abs(Number(loss) - expected) < 0.001, run.stdout);
  return seen;
}

async function noFlowsLeft(...hosts: Host[]): Promise<void> {
  for (const host of hosts)
    await waitFor('the end of all flows', async () => {
      const { stdout } = await host.tool('irm', 'flow', 'list');
      return stdout.includes('No flows in system.');
    });
}

/** What the IPCP has counted of frames and messages that are wrong, or that nobody waits for. */
async function badFrames(host: Host): Promise<number> {
  const { stdout } = await host.tool('irm', 'ipcp', 'stats', 'name', 'net', '--json');
  const [{ counters }]: [{ counters: Record<string, number> }] = JSON.parse(stdout);
  const bad =
    /^rejected|^(short|code|flags|trailing|eid|response|length|big)$|unexpected|foreign|elsewhere|no flow|nothing|repeated|unknown name/;
  return Object.entries(counters).reduce((sum, [name, n]) => sum + (bad.test(name) ? n : 0), 0);
}

const badly = { loss: 0.2, duplicate: 0.1, reorder: 0.2, delay: 2 };

for (const type of types)
  onBadWire(
    `${type}: flows come and go where one frame of five is lost`,
    badly,
    async (a, b, wire) => {
      await joinLayer(type, a, b);
      const total = { transmitted: 0, received: 0 };
      for (let i = 0; i < 3; i++) {
        const { transmitted, received } = await ping(b, '-c', '20', '-i', '10');
        total.transmitted += transmitted;
        total.received += received;
      }
      // There and back: two of three, somewhat more for those that went twice.
      assert.equal(total.transmitted, 60);
      assert.ok(total.received > 20 && total.received < 58, JSON.stringify(total));
      await noFlowsLeft(a, b);
      const report = await wire.report();
      assert.ok(report.lost > 10 && report.doubled > 3 && report.reordered > 10);
    },
    { ms: 90_000 },
  );

const forged = 20_000;

for (const type of types.filter((t) => t !== 'raptor'))
  onBadWire(
    `${type}: pings go on while somebody makes ${forged} frames up`,
    { forge: forged },
    async (a, b, wire) => {
      const irmds = await joinLayer(type, a, b);
      await ping(b, '-c', '20', '-i', '10');
      const { transmitted, received } = await ping(b, '-c', '300', '-i', '10', '-Q');
      assert.deepEqual([transmitted, received], [300, 300]);
      await wire.forged();
      await ping(b, '-c', '5', '-i', '10');
      await noFlowsLeft(a, b);
      for (const irmd of irmds) assert.doesNotMatch(irmd.output, /\((EE|WW)\)/);
      const counted = [await badFrames(a), await badFrames(b)];
      assert.ok(Math.min(...counted) > forged / 20, `${counted} of ${forged} were counted`);
      const report = await wire.report();
      assert.equal(report.forged, forged, JSON.stringify(report));
    },
    { ms: 90_000 },
  );
