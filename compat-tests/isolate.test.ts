/** Two layers on one cable, the IPCP of one in a process of its own: it is killed, restarted and destroyed alone. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTwoHosts } from './support/compat.ts';
import { bin, type Host } from './support/host.ts';
import { waitFor } from './support/proc.ts';
import { irm, startIrmd } from './support/two-hosts.ts';

interface Row {
  name: string;
  pid: number;
  isolate?: boolean;
  state: string;
}

async function rows(host: Host): Promise<Record<string, Row>> {
  const { stdout } = await host.tool('irm', 'ipcp', 'list', '--json');
  return Object.fromEntries((JSON.parse(stdout) as Row[]).map((row) => [row.name, row]));
}

function ping(host: Host, name: string): Promise<boolean> {
  return host.tool('oping', '-n', name, '-c', '2', '-i', '10').then((r) => r.code === 0);
}

onTwoHosts(
  'an isolated IPCP has a process of its own',
  async (a, b) => {
    for (const host of [a, b]) {
      const conf = join(host.dir, 'irmd.conf');
      writeFileSync(
        conf,
        '[eth-dix.own]\nbootstrap = "two"\ndev = "veth0"\nethertype = 0xA002\nisolate = true\n',
      );
      if (host === a) await startIrmd(host);
      else host.start([bin('irmd'), '--stdout', '--config', conf], { under: false });
    }
    await waitFor(
      "b's irmd",
      async () =>
        (await rows(b).catch(() => ({}) as Record<string, Row>)).own?.state === 'operational',
    );
    await irm(a, 'i b t eth-dix l one n shared dev veth0 ethertype A001');
    await irm(a, 'i b t eth-dix l two n own dev veth0 ethertype A002 isolate');
    await irm(b, 'i b t eth-dix l one n shared dev veth0 ethertype A001');
    const server = a.start([bin('oping'), '-l'], { under: false });
    await waitFor('the server', () => server.stdout.includes('started'));
    for (const [name, layer] of [
      ['uno', 'one'],
      ['due', 'two'],
    ] as const) {
      await irm(a, `b process ${server.pid} n ${name}`);
      await irm(a, `reg n ${name} l ${layer}`);
      assert.ok(await ping(b, name), `a ping through ${layer}`);
    }

    const before = await rows(a);
    assert.notEqual(before.own!.pid, before.shared!.pid);
    assert.equal(before.own!.isolate, true);
    const long = b.start([bin('oping'), '-n', 'uno', '-i', '50', '-c', '60'], { under: false });
    await waitFor('pings', () => long.stdout.includes('seq=3'));
    process.kill(before.own!.pid, 'SIGKILL');
    const after = await waitFor('another process', async () => {
      const now = await rows(a);
      return now.own!.state === 'operational' && now.own!.pid !== before.own!.pid ? now : undefined;
    });
    assert.equal(after.shared!.pid, before.shared!.pid);
    assert.ok(await ping(b, 'due'), 'a ping through the layer that is back');
    assert.equal(await long.wait(10_000), 0);
    assert.match(long.stdout, /60 SDUs transmitted, 60 received, 0% packet loss/);

    await irm(a, 'i d n own');
    await waitFor('its end', () => !a.pidsInside().includes(after.own!.pid));
    assert.ok(await ping(b, 'uno'), 'a ping through the shared one');
  },
  { ms: 90_000 },
);

onTwoHosts('an irmd that was killed finds the processes of all its IPCPs', async (a) => {
  const irmd = await startIrmd(a);
  await irm(a, 'i b t local l one n shared');
  await irm(a, 'i b t eth-dix l two n own dev veth0 isolate');
  const before = await rows(a);
  irmd.kill('SIGKILL');
  await irmd.wait(5000);
  await startIrmd(a);
  const after = await waitFor('both', async () => {
    const now = await rows(a);
    return Object.values(now).every((row) => row.state === 'operational') ? now : undefined;
  });
  assert.deepEqual(after, before);
});
