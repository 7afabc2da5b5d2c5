/** Unmodified programs on sockets: both ends under ouro-run, against both ends on the kernel's loopback. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host, RunOptions } from '#compat-tests/support/host.ts';
import { type Proc, waitFor } from '#compat-tests/support/proc.ts';
import type { Scenario, Side } from '../measure.ts';

const REPEATS = 5;
const underOf = (side: Side): RunOptions => ({ under: side === 'ours' });

async function iperf(
  host: Host,
  side: Side,
  args: string[],
  options: readonly string[] = [],
): Promise<Record<string, never>> {
  const how = { ...underOf(side), options };
  const server = host.start(['iperf3', '-s', '-1', '--forceflush'], how);
  await waitFor('iperf3', () => server.output.includes('Server listening'));
  const out = await host.ok(
    ['iperf3', '-c', '127.0.0.1', '-J', '-t', '3', '-O', '1', ...args],
    how,
    40_000,
  );
  await server.wait(10_000);
  return JSON.parse(out).end;
}

/** nginx or redis on a port of its own for each side, from `first`, so that both run at the same time, idle when not measured; they answer a probe. */
async function startBoth(
  host: Host,
  first: number,
  start: (side: Side, port: number) => Proc,
  probe: (port: number) => string[],
) {
  for (const [side, port] of [
    ['kernel', first],
    ['ours', first + 1],
  ] as const) {
    start(side, port);
    await waitFor(
      `${side} server`,
      async () => (await host.run(probe(port), underOf(side))).code === 0,
    );
  }
}

export function socketScenarios(host: Host): Scenario[] {
  const nginx = (side: Side, port: number): Proc => {
    const dir = join(host.dir, `nginx-${side}`);
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'small'), 'x'.repeat(612));
    writeFileSync(
      join(dir, 'conf'),
      `daemon off; user root; worker_processes 1; pid ${dir}/pid; error_log ${dir}/err; events { worker_connections 512; }
       http { access_log off; sendfile on; keepalive_requests 10000000; client_body_temp_path ${dir}/b; proxy_temp_path ${dir}/p;
       fastcgi_temp_path ${dir}/f; uwsgi_temp_path ${dir}/u; scgi_temp_path ${dir}/s;
       server { listen 127.0.0.1:${port}; root ${dir}; } }`,
    );
    return host.start(
      ['nginx', '-c', join(dir, 'conf'), '-p', dir, '-e', join(dir, 'err')],
      underOf(side),
    );
  };
  const redis = (side: Side, port: number): Proc =>
    host.start(
      ['redis-server', '--port', String(port), '--save', '', '--dir', host.dir],
      underOf(side),
    );
  const port = (side: Side, base: number) => String(side === 'kernel' ? base : base + 1);

  const redisBench = (kind: 'GET' | 'SET'): Scenario => ({
    id: `redis-${kind.toLowerCase()}`,
    title: `redis-benchmark ${kind}, 50 clients, no pipeline`,
    unit: 'requests/s',
    better: 'min',
    target: 1.0,
    repeats: REPEATS,
    run: async (side) => {
      const out = await host.ok(
        [
          'redis-benchmark',
          '-p',
          port(side, 6401),
          '-n',
          '100000',
          '-c',
          '50',
          '-t',
          kind.toLowerCase(),
          '--csv',
        ],
        underOf(side),
        60_000,
      );
      const line = out.split('\n').find((l) => l.startsWith(`"${kind}"`));
      return Number(line?.split(',')[1]?.replaceAll('"', ''));
    },
  });

  return [
    {
      id: 'bulk-64k',
      title: 'bulk stream, 64 KiB writes (iperf3)',
      unit: 'Gbit/s',
      better: 'min',
      target: 1.5,
      repeats: REPEATS,
      run: async (side) => {
        const end: { sum_received?: { bits_per_second: number } } = await iperf(host, side, [
          '-l',
          '64K',
        ]);
        return (end.sum_received?.bits_per_second ?? Number.NaN) / 1e9;
      },
    },
    {
      id: 'rtt-64',
      title: '64 B request-response round trip (sockperf, TCP)',
      unit: 'us',
      better: 'max',
      target: 1.0,
      repeats: REPEATS,
      run: (side) => sockperf(host, side, ['--tcp']),
    },
    udpRate(host, 'udp-1400', 'UDP, 1400 B datagrams received (iperf3 -u -b 0)', 0.8, []),
    udpRate(host, 'udp-1400-gateway', 'The same, each one through the gateway', 0.5, [
      '--no-direct',
    ]),
    {
      ...redisBench('GET'),
      before: () => startBoth(host, 6401, redis, (p) => ['redis-cli', '-p', String(p), 'ping']),
    },
    redisBench('SET'),
    {
      id: 'wrk-nginx',
      title: 'wrk on nginx, 612 B file, 50 connections',
      unit: 'requests/s',
      better: 'min',
      target: 0.9,
      repeats: REPEATS,
      before: () =>
        startBoth(host, 7001, nginx, (p) => [
          'curl',
          '-sf',
          '-o',
          '/dev/null',
          `http://127.0.0.1:${p}/small`,
        ]),
      run: async (side) => {
        const out = await host.ok(
          ['wrk', '-t1', '-c50', '-d3s', `http://127.0.0.1:${port(side, 7001)}/small`],
          underOf(side),
        );
        return Number(/Requests\/sec:\s+([\d.]+)/.exec(out)?.[1]);
      },
    },
  ];
}

function udpRate(
  host: Host,
  id: string,
  title: string,
  target: number,
  options: readonly string[],
): Scenario {
  return {
    id,
    title,
    unit: 'datagrams/s',
    better: 'min',
    target,
    repeats: REPEATS,
    run: async (side) => {
      const end: { sum?: { packets: number; lost_packets: number; seconds: number } } = await iperf(
        host,
        side,
        ['-u', '-b', '0', '-l', '1400'],
        options,
      );
      const s = end.sum;
      return s === undefined ? Number.NaN : (s.packets - s.lost_packets) / s.seconds;
    },
  };
}

async function sockperf(host: Host, side: Side, flags: string[]): Promise<number> {
  const p = side === 'kernel' ? '7101' : '7102';
  const server = host.start(
    ['sockperf', 'server', ...flags, '-i', '127.0.0.1', '-p', p],
    underOf(side),
  );
  await waitFor('sockperf', () => /Warmup stage|waiting for messages|\[tid/.test(server.output));
  const out = await host.ok(
    [
      'sockperf',
      'ping-pong',
      ...flags,
      '-i',
      '127.0.0.1',
      '-p',
      p,
      '-t',
      '2',
      '-m',
      '64',
      '--full-rtt',
    ],
    underOf(side),
  );
  server.kill('SIGKILL');
  await server.exited;
  return Number(/percentile 50.000 =\s+([\d.]+)/.exec(out)?.[1]);
}
