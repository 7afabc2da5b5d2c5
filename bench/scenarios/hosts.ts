/** Programs on two hosts with a cable between them: flows over the layers at the bottom, against the kernel on the same cable. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bin, Host, joinByVeth, root } from '#compat-tests/support/host.ts';
import { type Proc, waitFor } from '#compat-tests/support/proc.ts';
import { irm, startIrmd } from '#compat-tests/support/two-hosts.ts';
import type { Scenario, Side } from '../measure.ts';

const REPEATS = 5;
const SECONDS = '2';
const IDLE = 1000;

/** Cable, address of the accepting end on it, and the layer's name is the same as the key. */
const cables = {
  eth: { device: 'veth0', mtu: 1500, ips: ['10.9.0.1', '10.9.0.2'] },
  jumbo: { device: 'veth1', mtu: 9000, ips: ['10.9.1.1', '10.9.1.2'] },
} as const;
type Cable = keyof typeof cables;
type LayerName = Cable | 'udp';

const program = (name: string) => join(root, 'dist/bench/programs', `${name}.js`);
const native = { under: false };
/** Puts what it starts on the first processor. */
const pinned = ['taskset', '1'];

export class HostPair {
  readonly a: Host = new Host('flows');
  readonly b: Host = new Host('flows');

  /** Hosts, cables, daemons, layers, and the servers that accept on host a. */
  async open(): Promise<void> {
    const { a, b } = this;
    for (const { device, mtu, ips } of Object.values(cables)) {
      joinByVeth(a, b, device, mtu);
      for (const [i, host] of [a, b].entries())
        execFileSync('ip', ['-n', host.netns ?? '', 'addr', 'add', `${ips[i]}/24`, 'dev', device]);
    }
    for (const host of [a, b]) {
      await startIrmd(host);
      await this.join(host, 'eth');
      await this.join(host, 'jumbo');
    }
    const [ipA, ipB] = cables.eth.ips;
    const table = ['perf-udp', 'sink-udp'].map((name) => `${name}=${ipA}`).join(',');
    await irm(a, `i b t udp4 l udp n udp ip ${ipA}`);
    await irm(b, `i b t udp4 l udp n udp ip ${ipB} hosts ${table}`);
    const perf = a.start([bin('operf'), '-l'], native);
    await waitFor('operf', () => perf.stdout.includes('Server started.'));
    const sink = a.start([process.execPath, '--no-warnings', program('sink')], native);
    await waitFor('the sink', () => sink.stdout.includes('ready'));
    for (const layer of ['eth', 'jumbo', 'udp'])
      for (const [name, { pid }] of Object.entries({ perf, sink })) {
        await irm(a, `b process ${pid} n ${name}-${layer}`);
        await irm(a, `reg n ${name}-${layer} l ${layer}`);
      }
  }

  join(host: Host, cable: Cable): Promise<void> {
    return irm(host, `i b t eth-dix l ${cable} n ${cable} if ${cables[cable].device}`);
  }

  leave(host: Host, cable: Cable): Promise<void> {
    return irm(host, `i d n ${cable}`);
  }

  async operf(
    layer: LayerName,
    options: string[],
    under: string[] = [],
  ): Promise<Record<string, never>> {
    const argv = [bin('operf'), '-n', `perf-${layer}`, '-d', `${SECONDS}s`, '--json', ...options];
    return JSON.parse(await this.b.ok([...under, ...argv], native));
  }

  /** All that runs on both hosts, on the first processor alone or on all. */
  pin(alone: boolean): void {
    const mask = alone ? '1' : 'ffffffff';
    for (const pid of [this.a, this.b].flatMap((host) => host.pidsInside()))
      execFileSync('taskset', ['-a', '-p', mask, String(pid)], { stdio: 'ignore' });
  }

  /** Gbit/s that arrived. */
  async bulk(layer: LayerName, bytes: number): Promise<number> {
    const result = await this.operf(layer, ['-f', '-s', String(bytes)]);
    return Number(result.bitsPerSecond) / 1e9;
  }

  /** Median, us. */
  async roundTrip(layer: LayerName, under: string[] = []): Promise<number> {
    const { rttMs } = await this.operf(layer, ['-t', 'rtt', '-s', '64'], under);
    return 1000 * Number((rttMs as unknown as { p50: number }).p50);
  }

  async source(...args: (string | number)[]): Promise<Record<string, number>> {
    const argv = [process.execPath, '--no-warnings', program('source'), ...args.map(String)];
    return JSON.parse(await this.b.ok(argv, native, 60_000));
  }

  startIdle(layer: LayerName, flows: number): Proc {
    const argv = [process.execPath, '--no-warnings', program('source'), 'idle', `sink-${layer}`];
    return this.b.start([...argv, String(flows)], native);
  }

  /** iperf3 from b to a, Gbit/s that arrived. */
  async iperf(cable: Cable, ...options: string[]): Promise<number> {
    const server = this.a.start(['iperf3', '-s', '-1', '--forceflush'], native);
    await waitFor('iperf3', () => server.output.includes('Server listening'));
    const [address] = cables[cable].ips;
    const argv = ['iperf3', '-c', address, '-J', '-t', SECONDS, ...options];
    const { end } = JSON.parse(await this.b.ok(argv, native));
    await server.wait(10_000);
    if (end.sum_received !== undefined && !options.includes('-u'))
      return end.sum_received.bits_per_second / 1e9;
    const { bytes, packets, lost_packets, seconds } = end.sum;
    return (8 * bytes * (1 - lost_packets / packets)) / seconds / 1e9;
  }

  /** sockperf over TCP between b and a, median, us. */
  async sockperf(cable: Cable, under: string[] = []): Promise<number> {
    const [address] = cables[cable].ips;
    const where = ['--tcp', '-i', address, '-p', '7101'];
    const server = this.a.start([...under, 'sockperf', 'server', ...where], native);
    await waitFor('sockperf', () => /Warmup stage|waiting for messages|\[tid/.test(server.output));
    const how = ['-t', SECONDS, '-m', '64', '--full-rtt'];
    const argv = [...under, 'sockperf', 'ping-pong', ...where, ...how];
    const out = await this.b.ok(argv, native);
    server.kill('SIGKILL');
    await server.exited;
    return Number(/percentile 50.000 =\s+([\d.]+)/.exec(out)?.[1]);
  }

  /** KiB that irmd and ipcpd of both hosts hold, without the rings' own pages. */
  daemonsKiB(): number {
    let kib = 0;
    for (const host of [this.a, this.b])
      for (const pid of [...host.pidsOf('/irmd/main'), ...host.pidsOf('/ipcps/main')])
        kib += Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    return kib;
  }

  async close(): Promise<void> {
    await this.b.close();
    await this.a.close();
  }
}

export function hostScenarios(pair: HostPair): Scenario[] {
  const bulk = (
    id: string,
    title: string,
    target: number,
    ours: [LayerName, number],
    kernel: [Cable, ...string[]],
  ): Scenario => ({
    id,
    title,
    unit: 'Gbit/s',
    better: 'min',
    target,
    repeats: REPEATS,
    run: (side) => (side === 'ours' ? pair.bulk(...ours) : pair.iperf(...kernel)),
  });
  const roundTrip = (layer: LayerName): Scenario => ({
    id: `hosts-rtt-${layer}`,
    title: `64 B round trip over ${layer === 'udp' ? 'udp4' : 'eth-dix'} (operf), against TCP (sockperf)`,
    unit: 'us',
    better: 'max',
    target: 4,
    repeats: REPEATS,
    run: (side) => (side === 'ours' ? pair.roundTrip(layer) : pair.sockperf('eth')),
  });
  /** Steadier: no processor has to be woken. */
  const pinnedRoundTrip = (layer: LayerName): Scenario => ({
    ...roundTrip(layer),
    id: `hosts-rtt-${layer}-pinned`,
    title: `${roundTrip(layer).title}, all processes on one processor`,
    // The C prototype's, on the same link.
    limit: layer === 'udp' ? 45 : 47,
    before: async () => pair.pin(true),
    after: async () => pair.pin(false),
    run: (side) => (side === 'ours' ? pair.roundTrip(layer, pinned) : pair.sockperf('eth', pinned)),
  });
  /** The kernel's own traffic while a layer is on the interface (ours), and without one. */
  const undisturbed = (what: string, run: () => Promise<number>, how: Partial<Scenario>) => ({
    id: `hosts-kernel-${what}`,
    title: `the kernel's own TCP ${what} with a layer on the interface, against without`,
    unit: 'Gbit/s',
    better: 'min' as const,
    target: 0.9,
    repeats: REPEATS,
    run: async (side: Side) => {
      const { a, b } = pair;
      if (side === 'ours') return run();
      for (const host of [a, b]) await pair.leave(host, 'jumbo');
      try {
        return await run();
      } finally {
        for (const host of [a, b]) await pair.join(host, 'jumbo');
        for (const name of ['perf', 'sink']) await irm(a, `reg n ${name}-jumbo l jumbo`);
      }
    },
    ...how,
  });
  const manyFlows = (flows: number): Scenario => ({
    id: `hosts-flows-${flows}`,
    title: `${flows} flows at once over eth-dix, 1400 B packets, against one flow`,
    unit: 'Gbit/s',
    better: 'min',
    target: 0.8,
    repeats: REPEATS,
    run: async (side) => {
      const count = side === 'ours' ? flows : 1;
      const { bitsPerSecond } = await pair.source('bulk', 'sink-eth', count, 1400, 2000);
      return Number(bitsPerSecond) / 1e9;
    },
  });
  return [
    // First, while the daemons hold nothing of other rows that they could give back meanwhile.
    {
      id: 'hosts-memory',
      title: `memory of irmd and ipcpd per idle flow over eth-dix beyond its ring, per host (of ${IDLE} flows)`,
      unit: 'KiB',
      better: 'max',
      target: 40,
      absolute: true,
      repeats: 1,
      run: async () => {
        const before = pair.daemonsKiB();
        const holder = pair.startIdle('eth', IDLE);
        await waitFor('the flows', () => holder.stdout.includes('open'), 60_000);
        const after = pair.daemonsKiB();
        holder.child.stdin?.end();
        await holder.wait(30_000);
        return (after - before) / IDLE / 2;
      },
    },
    bulk(
      'hosts-eth-1400',
      'eth-dix, MTU 1500, 1400 B packets (operf), against TCP with 1400 B writes (iperf3)',
      0.9,
      ['eth', 1400],
      ['eth', '-l', '1400'],
    ),
    bulk(
      'hosts-eth-jumbo',
      'eth-dix, MTU 9000, 8900 B packets (operf), against TCP with 8900 B writes (iperf3)',
      1.2,
      ['jumbo', 8900],
      ['jumbo', '-l', '8900'],
    ),
    bulk(
      'hosts-udp-bulk',
      'udp4, MTU 1500, 1400 B packets (operf), against bulk TCP (iperf3)',
      1.2,
      ['udp', 1400],
      ['eth'],
    ),
    bulk(
      'hosts-udp-1400',
      'udp4, MTU 1500, 1400 B packets (operf), against UDP with 1400 B datagrams (iperf3)',
      3,
      ['udp', 1400],
      ['eth', '-u', '-b', '0', '-l', '1400'],
    ),
    roundTrip('eth'),
    roundTrip('udp'),
    pinnedRoundTrip('eth'),
    pinnedRoundTrip('udp'),
    undisturbed('bulk', () => pair.iperf('jumbo'), {}),
    undisturbed('round trip', () => pair.sockperf('jumbo'), {
      id: 'hosts-kernel-rtt',
      unit: 'us',
      better: 'max',
      target: 1.1,
    }),
    {
      id: 'hosts-alloc',
      title: 'flow allocation to a name on the other host over eth-dix, beyond three round trips',
      unit: 'ms',
      better: 'max',
      target: 2,
      absolute: true,
      repeats: REPEATS,
      run: async () => {
        const { allocation = 0, roundTrip = 0 } = await pair.source('alloc', 'sink-eth', 300);
        return allocation - 3 * roundTrip;
      },
    },
    manyFlows(100),
    manyFlows(1000),
  ];
}
