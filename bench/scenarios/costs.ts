/** What the product costs: start of a program, memory, allocation of a flow, and the native API's bulk rate. */
import { readFileSync } from 'node:fs';
import { bin, type Host } from '#compat-tests/support/host.ts';
import { waitFor } from '#compat-tests/support/proc.ts';
import type { Scenario } from '../measure.ts';

const IDLE = 1000;

function rssMiB(pids: readonly number[]): number {
  let kib = 0;
  for (const pid of pids)
    kib += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  return kib / 1024;
}

const stackPids = (host: Host) => [...host.pidsOf('ouro-run/stack'), ...host.pidsOf('ouro-guard')];

export function costScenarios(host: Host): Scenario[] {
  return [
    {
      id: 'start',
      title: 'start of a program under ouro-run (/bin/true), added time',
      unit: 'ms',
      better: 'max',
      target: 100,
      absolute: true,
      repeats: 15,
      run: async () => {
        const time = async (under: boolean) => {
          const t = performance.now();
          await host.ok(['/bin/true'], { under });
          return performance.now() - t;
        };
        return (await time(true)) - (await time(false));
      },
    },
    {
      id: 'memory',
      title: 'resident memory of irmd, local IPCP and gateway embedded, with guard',
      unit: 'MiB',
      better: 'max',
      target: 120,
      absolute: true,
      repeats: 1,
      run: async () => rssMiB(stackPids(host)),
    },
    {
      id: 'memory-1000',
      title: `memory added by ${IDLE} idle redirected connections`,
      unit: 'MiB',
      better: 'max',
      target: 30,
      absolute: true,
      repeats: 1,
      run: async () => {
        const server = host.start([
          'python3',
          '-c',
          `
import socket, time, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
s = socket.socket(); s.bind(("127.0.0.1", 9100)); s.listen(1024); print("up", flush=True)
kept = []
while True: kept.append(s.accept()[0])`,
        ]);
        await waitFor('the server', () => server.stdout.includes('up'));
        const before = rssMiB(stackPids(host));
        const client = host.start([
          'python3',
          '-c',
          `
import socket, time, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
kept = [socket.create_connection(("127.0.0.1", 9100)) for i in range(${IDLE})]
print("open", flush=True); time.sleep(60)`,
        ]);
        await waitFor('the connections', () => client.stdout.includes('open'), 30_000);
        await new Promise((r) => setTimeout(r, 3000));
        const after = rssMiB(stackPids(host));
        for (const p of [client, server]) p.kill('SIGKILL');
        return Math.max(0, after - before);
      },
    },
    {
      id: 'flow-bulk-1400',
      title:
        'TypeScript flow, process to process, 1400 B packets (operf), against TCP with 1400 B writes (iperf3)',
      unit: 'Gbit/s',
      better: 'min',
      target: 2,
      repeats: 5,
      before: async () => {
        host.start([bin('operf'), '-l', '-n', 'operf'], { under: false });
        await new Promise((r) => setTimeout(r, 1000));
      },
      run: async (side) => {
        if (side === 'ours') {
          const r = await host.tool(
            'operf',
            '-n',
            'operf',
            '-s',
            '1400',
            '-f',
            '-d',
            '3000',
            '--json',
          );
          const report = JSON.parse(r.stdout);
          return Number(report.bitsPerSecond ?? report.mbps * 1e6) / 1e9;
        }
        const server = host.start(['iperf3', '-s', '-1', '--forceflush'], { under: false });
        await waitFor('iperf3', () => server.output.includes('Server listening'));
        const out = await host.ok(['iperf3', '-c', '127.0.0.1', '-J', '-t', '3', '-l', '1400'], {
          under: false,
        });
        return JSON.parse(out).end.sum_received.bits_per_second / 1e9;
      },
    },
  ];
}
