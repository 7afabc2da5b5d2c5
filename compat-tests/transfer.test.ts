/** iperf3, socat, netcat and sockperf: bulk both ways, half-close, UDP, and many small messages. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compat } from './support/compat.ts';
import type { Host } from './support/host.ts';
import { waitFor } from './support/proc.ts';

async function iperf(host: Host, ...args: string[]) {
  const server = host.start(['iperf3', '-s', '-1', '--forceflush']);
  await waitFor('iperf3', () => server.output.includes('Server listening'));
  const out = await host.ok(['iperf3', '-c', '127.0.0.1', '-J', '-t', '2', ...args], {}, 30_000);
  await server.wait(10_000);
  return JSON.parse(out).end;
}

compat('iperf3 sends TCP, both ways and in parallel', async (host) => {
  const sent = await iperf(host);
  assert.ok(sent.sum_received.bytes > 10_000_000);
  assert.equal(sent.sum_received.bytes > 0.5 * sent.sum_sent.bytes, true);
  const reverse = await iperf(host, '-R', '-P', '4');
  assert.ok(reverse.sum_received.bytes > 10_000_000);
});

compat('iperf3 sends UDP without loss at a modest rate', async (host) => {
  const end = await iperf(host, '-u', '-b', '20M', '-l', '1400');
  assert.ok(end.sum.packets > 2000);
  assert.ok(end.sum.lost_percent < 1);
});

compat('socat and netcat half-close a stream', async (host) => {
  const body = randomBytes(3_000_000);
  writeFileSync(join(host.dir, 'in'), body);
  // The server answers only after it has seen the end of its input.
  const server = host.start([
    'socat',
    '-t30',
    'TCP4-LISTEN:7001,reuseaddr',
    'SYSTEM:sha256sum; echo done',
  ]);
  await waitFor('socat', () => listening(host, server.pid, 'socat'));
  const out = await host.ok(['sh', '-c', 'nc -N 127.0.0.1 7001 < in'], {}, 20_000);
  const sum = await host.ok(['sha256sum', 'in'], { under: false });
  assert.equal(out.split('\n')[0]?.split(' ')[0], sum.split(' ')[0]);
  assert.equal(out.split('\n')[1], 'done');
});

compat('netcat listens, socat sends over IPv6', async (host) => {
  const server = host.start(['nc', '-l', '-6', '::1', '7002']);
  await waitFor('nc', () => listening(host, server.pid, 'nc'));
  await host.ok(['socat', '-u', '-', 'TCP6:[::1]:7002'], { input: 'over six\n' });
  await server.wait(5000);
  assert.equal(server.stdout, 'over six\n');
});

compat('socat answers UDP datagrams of many clients', async (host) => {
  const server = host.start(['socat', 'UDP4-RECVFROM:7003,fork', 'EXEC:cat']);
  await waitFor('socat', () => hasSocket(server.pid, 'socat'));
  for (let i = 0; i < 5; i++) {
    const text = `datagram ${i}\n`;
    const out = await host.ok(['socat', '-t2', '-', 'UDP4:127.0.0.1:7003'], { input: text });
    assert.equal(out, text);
  }
  assert.ok(server.alive);
});

compat('netcat exchanges UDP both ways', async (host) => {
  const server = host.start(['nc', '-u', '-l', '127.0.0.1', '7004']);
  await waitFor('nc', () => hasSocket(server.pid, 'nc'));
  const client = host.start(['nc', '-u', '127.0.0.1', '7004']);
  client.child.stdin?.write('ping\n');
  await waitFor('the datagram', () => server.stdout === 'ping\n');
  server.child.stdin?.write('pong\n');
  await waitFor('the answer', () => client.stdout === 'pong\n');
});

for (const [proto, flag] of [
  ['TCP', ['--tcp']],
  ['UDP', []],
] as const)
  compat(`sockperf ping-pong over ${proto}`, async (host) => {
    const server = host.start(['sockperf', 'server', ...flag, '-i', '127.0.0.1', '-p', '11111']);
    await waitFor('sockperf', () => /Warmup stage|waiting for messages|\[tid/.test(server.output));
    const out = await host.ok([
      'sockperf',
      'ping-pong',
      ...flag,
      '-i',
      '127.0.0.1',
      '-p',
      '11111',
      '-t',
      '1',
      '-m',
      '64',
    ]);
    assert.match(out, /Summary: Latency is [\d.]+ usec/);
    const seen = /ReceivedMessages=(\d+)/.exec(out.split('[Valid Duration]')[1] ?? '');
    assert.ok(Number(seen?.[1]) > 100, out);
    assert.match(out, /# dropped messages = 0/);
  });

compat('node serves HTTP to node', async (host) => {
  const server = host.start([
    'node',
    '-e',
    `require('http').createServer((q, s) => q.pipe(s)).listen(7005, () => console.log('up'))`,
  ]);
  await waitFor('node', () => server.stdout.includes('up'));
  const out = await host.ok([
    'node',
    '-e',
    `const body = 'y'.repeat(300000); (async () => { for (let i = 0; i < 20; i++) {
       const r = await fetch('http://127.0.0.1:7005', { method: 'POST', body });
       if ((await r.text()) !== body) process.exit(3); } console.log('same'); })()`,
  ]);
  assert.equal(out, 'same\n');
});

/** True once the launchers (ip, ouro-run) have become the program, in its own network namespace. */
function runs(pid: number, program: string): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'latin1').startsWith(program);
}

/** True when the process runs the program and has made a socket. */
function hasSocket(pid: number, program: string): boolean {
  if (!runs(pid, program)) return false;
  return readdirSync(`/proc/${pid}/fd`).some((fd) => {
    try {
      return Number(fd) > 2 && readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
    } catch {
      return false; // closed meanwhile
    }
  });
}

/** True when the process runs the program, and somebody in its network namespace listens. */
function listening(host: Host, pid: number, program: string): boolean {
  if (!runs(pid, program)) return false;
  const listeners = new Set<string>();
  for (const table of ['tcp', 'tcp6'])
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, 'latin1').split('\n'))
      if (line.trim().split(/\s+/)[3] === '0A') return true;
  for (const line of readFileSync(`/proc/${pid}/net/unix`, 'latin1').split('\n')) {
    const f = line.trim().split(/\s+/);
    if (f[3] === '00010000' && (f[7] ?? '').startsWith(`${host.runtime}/gw/s/l/`))
      listeners.add(f[6] ?? '');
  }
  return listeners.size > 0;
}
