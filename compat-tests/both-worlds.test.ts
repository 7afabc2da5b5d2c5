/** Datagram sockets that reach flows and the real network alike: unconnected ones, resolvers, and the real loopback. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compat, onHost, onTwoHosts } from './support/compat.ts';
import type { Host } from './support/host.ts';
import { type Proc, waitFor } from './support/proc.ts';
import { addresses, ips } from './support/two-hosts.ts';

const real = { under: false } as const;
const python = (script: string) => ['python3', '-u', '-c', script];

/** A real UDP echo server of the other host. */
async function realEcho(host: Host, family: 4 | 6, port: number): Promise<Proc> {
  const echo = host.start(['socat', '-T1', `UDP${family}-LISTEN:${port},fork`, 'PIPE'], real);
  await waitFor('the echo server', () =>
    execFileSync('ip', ['netns', 'exec', host.netns ?? '', 'ss', '-Hlun'], {
      encoding: 'utf8',
    }).includes(`:${port} `),
  );
  return echo;
}

onTwoHosts(
  'one bound socket talks to a flow and to the real network, under its own port',
  async (a, b) => {
    addresses(a, b);
    await realEcho(b, 4, 7007);
    await realEcho(b, 6, 7006);
    const server = a.start(
      python(`
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 9001)); print("up")
while True:
    d, who = s.recvfrom(2000); s.sendto(b"flow " + d, who)`),
    );
    await waitFor('the server', () => server.stdout.includes('up'));
    const out = await a.ok(
      python(`
import socket
for family, any, far, port in ((socket.AF_INET, "0.0.0.0", "${ips.udp4[1]}", 7007), (socket.AF_INET6, "::", "${ips.udp6[1]}", 7006)):
    s = socket.socket(family, socket.SOCK_DGRAM); s.bind((any, 9002 if family == socket.AF_INET else 9003)); s.settimeout(5)
    here = "127.0.0.1" if family == socket.AF_INET else "::ffff:127.0.0.1"
    for i in range(3):
        s.sendto(b"out %d" % i, (far, port))
        d, who = s.recvfrom(2000); print(d.decode(), who[0], who[1])
        s.sendto(b"in %d" % i, (here, 9001))
        d, who = s.recvfrom(2000); print(d.decode(), who[0], who[1])
    print(s.getsockname()[1])
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(5)
u.sendto(b"never bound", ("${ips.udp4[1]}", 7007)); print(u.recvfrom(2000))
u.sendto(b"x", ("127.0.0.1", 9001)); print(u.recvfrom(2000)[0].decode())
u.connect(("${ips.udp4[1]}", 7007)); u.send(b"connected"); print(u.recv(2000).decode(), u.getpeername()[0])`),
    );
    const lines = out.trim().split('\n');
    assert.deepEqual(lines.slice(0, 7), [
      `out 0 ${ips.udp4[1]} 7007`,
      'flow in 0 127.0.0.1 9001',
      `out 1 ${ips.udp4[1]} 7007`,
      'flow in 1 127.0.0.1 9001',
      `out 2 ${ips.udp4[1]} 7007`,
      'flow in 2 127.0.0.1 9001',
      '9002',
    ]);
    assert.equal(lines[7], `out 0 ${ips.udp6[1]} 7006`);
    assert.equal(lines[8], 'flow in 0 ::ffff:127.0.0.1 9001');
    assert.equal(lines[14], `(b'never bound', ('${ips.udp4[1]}', 7007))`);
    assert.equal(lines[15], 'flow x');
    assert.equal(lines[16], `connected ${ips.udp4[1]}`);
  },
);

onTwoHosts(
  'the real network sees the port, answers come in, strangers do not, and it ends with the socket',
  async (a, b) => {
    addresses(a, b);
    execFileSync('ip', ['-n', b.netns ?? '', 'addr', 'add', '10.9.0.3/24', 'dev', 'veth0']);
    const master = b.start(
      python(`
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("${ips.udp4[1]}", 27950)); print("up")
d, who = s.recvfrom(2000); print(d.decode(), who[0], who[1])
stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); stranger.bind(("10.9.0.3", 0)); stranger.sendto(b"stranger", who)
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); other.bind(("${ips.udp4[1]}", 0)); other.sendto(b"another port", who)
s.sendto(b"getinfo", who)`),
      real,
    );
    await waitFor('the master', () => master.stdout.includes('up'));
    const out = await a.ok(
      python(`
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 27960)); s.settimeout(3)
s.sendto(b"heartbeat", ("${ips.udp4[1]}", 27950))
print(sorted(s.recvfrom(2000)[0].decode() for i in range(2)))
s.settimeout(0.3)
try: print(s.recvfrom(2000))
except TimeoutError: print("nothing more")
s.sendto(b"x", ("192.0.2.1", 9))
try: s.recvfrom(2000); print("?")
except OSError as e: print(e.strerror)
s.sendto(b"y", ("${ips.udp4[1]}", 27950)); print("goes on")`),
    );
    assert.equal(
      out,
      "['another port', 'getinfo']\nnothing more\nNetwork is unreachable\ngoes on\n",
    );
    assert.match(master.stdout, /heartbeat 10\.9\.0\.1 27960/);
    await waitFor('the real socket to be closed', () => a.inetSockets().length === 0);
  },
);

onTwoHosts("Node's dgram, which binds first, reaches the real network", async (a, b) => {
  addresses(a, b);
  await realEcho(b, 4, 7007);
  const out = await a.ok([
    'node',
    '-e',
    `const s = require('dgram').createSocket('udp4');
     s.on('message', (m, r) => { console.log(String(m), r.address, r.port); s.close(); });
     s.send('hello', 7007, '${ips.udp4[1]}', (e) => e && console.log(e.code));`,
  ]);
  assert.equal(out, `hello ${ips.udp4[1]} 7007\n`);
});

/** bind9 with one zone, on the real loopback. */
async function startNamed(host: Host): Promise<void> {
  const dir = join(host.dir, 'named');
  mkdirSync(dir, { recursive: true });
  writeFileSync(
    join(dir, 'named.conf'),
    `options { directory "${dir}"; pid-file none; session-keyfile "${dir}/key"; listen-on port 53 { 127.0.0.1; }; listen-on-v6 { none; };
       recursion no; dnssec-validation no; };
     controls { };
     zone "test" { type primary; file "${dir}/zone"; };`,
  );
  const many = Array.from({ length: 60 }, (_, i) => `many TXT "${'x'.repeat(60)}${i}"`).join('\n');
  writeFileSync(
    join(dir, 'zone'),
    `$TTL 60\n@ SOA ns root 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.7\nwww AAAA 2001:db8::7\n${many}\n`,
  );
  const named = host.start(['named', '-g', '-c', join(dir, 'named.conf')], real);
  await waitFor('named', () => named.output.includes('running'));
}

onHost('programs with resolvers of their own ask a name server on loopback', async (host) => {
  await startNamed(host);
  const dig = ['dig', '+short', '+tries=1', '+time=3', '@127.0.0.1'];
  assert.equal(await host.ok([...dig, 'www.test']), '192.0.2.7\n');
  assert.equal((await host.ok([...dig, 'TXT', 'many.test'])).trim().split('\n').length, 60, 'TCP');
  const node = await host.ok([
    'node',
    '-e',
    `const { Resolver } = require('dns'); const r = new Resolver({ timeout: 3000, tries: 1 }); r.setServers(['127.0.0.1']);
     r.resolve4('www.test', (e, a) => { console.log(e?.code ?? a[0]); r.resolve('many.test', 'TXT', (e, t) => console.log(e?.code ?? t.length)); });`,
  ]);
  assert.equal(node, '192.0.2.7\n60\n');
  const query = `bytes.fromhex("002a01000001000000000000") + b"\\x03www\\x04test\\x00\\x00\\x01\\x00\\x01"`;
  const out = await host.ok(
    python(`
import socket
for connect in (False, True):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(3)
    if connect: s.connect(("127.0.0.1", 53)); s.send(${query})
    else: s.sendto(${query}, ("127.0.0.1", 53))
    d, who = s.recvfrom(512); print(socket.inet_ntoa(d[-4:]), who)`),
  );
  assert.equal(out, "192.0.2.7 ('127.0.0.1', 53)\n".repeat(2));
});

compat('a name server and dig, both under ouro-run, do not touch the kernel', async (host) => {
  const server = host.start([
    'dnsmasq',
    '-k',
    '-p',
    '5353',
    '--no-resolv',
    '--no-hosts',
    '-u',
    'root',
    '--pid-file=',
    '--listen-address=127.0.0.1',
    '--bind-interfaces',
    '--address=/www.test/192.0.2.7',
    '--log-facility=-',
    '-R',
  ]);
  await waitFor('dnsmasq', () => server.output.includes('started'));
  assert.equal(
    await host.ok(['dig', '+short', '+tries=2', '+time=3', '-p', '5353', '@127.0.0.1', 'www.test']),
    '192.0.2.7\n',
  );
});
