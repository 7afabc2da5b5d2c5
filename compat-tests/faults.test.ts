/** kill -9 of everything in turn, leaks, and programs that misbehave: others must not notice for longer than a second. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { onHost } from './support/compat.ts';
import { bin, commandLine, type Host } from './support/host.ts';
import { type Proc, waitFor } from './support/proc.ts';

/** Echo server on TCP and UDP port 9000; prints "end <peer port>" when a client's stream ends. */
const SERVER = `
import socket, threading
def serve(c, peer):
    try:
        while (d := c.recv(65536)): c.sendall(d)
        print("end", peer[1], flush=True)
    except OSError as e: print("end", peer[1], e.errno, flush=True)
    c.close()
def udp(u):
    while True:
        d, a = u.recvfrom(65536)
        try: u.sendto(d, a)
        except OSError as e: print("udp", e.errno, flush=True)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("0.0.0.0", 9000))
threading.Thread(target=udp, args=(u,), daemon=True).start()
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("0.0.0.0", 9000)); s.listen(128)
print("up", flush=True)
while True:
    c, a = s.accept()
    threading.Thread(target=serve, args=(c, a), daemon=True).start()`;

/** Streams for ever; prints "ok <n>" now and then, and "error <errno>" at the end. */
const CLIENT = `
import socket, time
s = socket.create_connection(("127.0.0.1", 9000)); n = 0; s.settimeout(10)
print("port", s.getsockname()[1], flush=True)
try:
    while True:
        s.sendall(b"x" * 10000); got = 0
        while got < 10000:
            d = s.recv(65536)
            if not d: raise EOFError
            got += len(d)
        n += 1
        if n % 50 == 0: print("ok", n, flush=True)
        time.sleep(0.001)
except EOFError: print("error EOF", flush=True)
except OSError as e: print("error", e.errno, flush=True)`;

/** Asks for an echo every few milliseconds on one socket; prints "asked <n>" now and then. */
const TALKER = `
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(0.2); s.connect(("127.0.0.1", 9000)); n = 0
while True:
    try:
        s.send(b"x"); s.recv(10); n += 1
        if n % 20 == 0: print("asked", n, flush=True)
    except OSError: pass
    time.sleep(0.002)`;

const once = (kind: 'TCP' | 'UDP') => `
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_${kind === 'TCP' ? 'STREAM' : 'DGRAM'}); s.settimeout(1)
s.connect(("127.0.0.1", 9000)); s.send(b"again"); print(s.recv(100).decode())`;

async function pair(host: Host, options: readonly string[] = []): Promise<[Proc, Proc]> {
  const server = host.start(['python3', '-c', SERVER], { options });
  await waitFor('the server', () => server.stdout.includes('up'));
  const client = host.start(['python3', '-c', CLIENT], { options });
  await waitFor('data', () => client.stdout.includes('ok '));
  return [server, client];
}

const works = (host: Host, kind: 'TCP' | 'UDP', ms = 5000) =>
  waitFor(
    `a new ${kind} exchange`,
    async () => (await host.run(['python3', '-c', once(kind)])).stdout === 'again\n',
    ms,
  );

/** The processes that are gateway, irmd and local IPCP in one; a guard has the same words on its command line. */
const stacksOf = (host: Host) =>
  host.pidsOf('ouro-run/stack').filter((pid) => !commandLine(pid).includes('ouro-guard'));
const stackOf = (host: Host) => waitFor('the stack', () => stacksOf(host)[0]);
const openSockets = (pid: number) =>
  readdirSync(`/proc/${pid}/fd`).filter((fd) =>
    readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:'),
  ).length;
const guardOf = (host: Host) => waitFor('the guard', () => host.pidsOf('ouro-guard')[0]);

async function within(ms: number, what: string, check: () => boolean): Promise<void> {
  await waitFor(what, check, ms);
}

for (const [where, options] of [
  ['direct', []],
  ['through the gateway', ['--no-direct']],
] as const) {
  onHost(
    `kill -9 of a server ends its clients' streams within a second, ${where}`,
    async (host) => {
      const [server, client] = await pair(host, options);
      server.kill('SIGKILL');
      await within(1000, 'the error', () => /error (EOF|104|32)/.test(client.stdout));
      const refused = await host.run(['python3', '-c', once('TCP')]);
      assert.match(refused.stderr, /ConnectionRefusedError/);
      host.start(['python3', '-c', SERVER], { options });
      await works(host, 'TCP');
    },
  );

  onHost(
    `kill -9 of a client ends its stream at the server within a second, ${where}`,
    async (host) => {
      const [server, client] = await pair(host, options);
      const port = /port (\d+)/.exec(client.stdout)?.[1];
      client.kill('SIGKILL');
      await within(1000, 'the end', () => server.stdout.includes(`end ${port}`));
      await works(host, 'TCP');
    },
  );
}

onHost(
  'kill -9 of the stack: direct streams go on, new ones work without a new server',
  async (host) => {
    const [, client] = await pair(host);
    await works(host, 'UDP');
    for (let round = 0; round < 2; round++) {
      const stack = await stackOf(host);
      process.kill(stack, 'SIGKILL');
      const seen = client.stdout.length;
      await works(host, 'TCP');
      await works(host, 'UDP');
      await within(1000, 'data on the old stream', () => client.stdout.length > seen);
    }
    assert.doesNotMatch(client.stdout, /error/);
  },
);

onHost('kill -9 of the gateway ends relayed streams within a second', async (host) => {
  const [, client] = await pair(host, ['--no-direct']);
  const stack = await stackOf(host);
  process.kill(stack, 'SIGKILL');
  await within(1000, 'the error', () => /error (EOF|104|32)/.test(client.stdout));
  await works(host, 'TCP');
});

onHost('kill -9 of the guard: nobody notices, also not when the stack dies next', async (host) => {
  const [server, client] = await pair(host);
  const talker = host.start(['python3', '-c', TALKER]);
  const goesOn = (proc: Proc, what: string) => {
    const seen = proc.stdout.length;
    return waitFor(`${what} to go on`, () => proc.stdout.length > seen, 5000);
  };
  await goesOn(talker, 'datagrams');
  for (let round = 0; round < 2; round++) {
    const [stack, guard] = [await stackOf(host), await guardOf(host)];
    process.kill(guard, 'SIGKILL');
    // Its connection to the stack, and what the server and the talker have.
    await waitFor('another guard that keeps datagram sockets', () =>
      host.pidsOf('ouro-guard').some((pid) => pid !== guard && openSockets(pid) >= 3),
    );
    assert.deepEqual(stacksOf(host), [stack]);
    await Promise.all([goesOn(client, 'the stream'), goesOn(talker, 'datagrams')]);
    process.kill(stack, 'SIGKILL');
    await works(host, 'TCP');
    await works(host, 'UDP');
    await Promise.all([goesOn(client, 'the stream'), goesOn(talker, 'datagrams')]);
    assert.equal(stacksOf(host).length, 1);
  }
  assert.ok(server.alive);
  assert.doesNotMatch(client.stdout, /error/);
});

onHost('kill -9 of guard and stack at once: the next program starts others', async (host) => {
  const [server] = await pair(host);
  const [stack, guard] = [await stackOf(host), await guardOf(host)];
  for (const pid of [guard, stack]) process.kill(pid, 'SIGKILL');
  await works(host, 'TCP');
  assert.ok(server.alive);
  const racers = Array.from({ length: 8 }, () => host.run(['true']));
  for (const { code, stderr } of await Promise.all(racers)) assert.equal(code, 0, stderr);
  assert.equal(stacksOf(host).length, 1);
});

onHost(
  'a stack that is stopped leaves nothing, and one starts while another ends',
  async (host) => {
    for (let round = 0; round < 3; round++) {
      await host.ok(['true']);
      const [stopped, ...started] = await Promise.all([
        host.tool('ouro-run', '--stop'),
        ...Array.from({ length: 4 }, () => host.run(['true'])),
      ]);
      assert.equal(stopped?.code, 0, stopped?.stderr);
      // One that is between its run and its first word to the gateway when that ends is ended, too.
      for (const { code, stderr } of started) assert.ok(code === 0 || code === 127, stderr);
      assert.ok(stacksOf(host).length <= 1);
    }
    await host.tool('ouro-run', '--stop');
    assert.equal(existsSync(host.runtime), false);
  },
);

onHost('kill -9 of ipcpd and irmd: they come back, and so do new connections', async (host) => {
  const startIrmd = () => host.start([bin('irmd'), '--stdout'], { under: false });
  let irmd = startIrmd();
  await waitFor('irmd', () => irmd.stdout.includes('started...'));
  await host.tool('irm', ...'i b t local l local n l1'.split(' '));
  const [, client] = await pair(host);
  const ipcpd = await waitFor('ipcpd', () => host.pidsOf('ipcps/main')[0]);
  process.kill(ipcpd, 'SIGKILL');
  await works(host, 'TCP');
  const again = await waitFor('another ipcpd', () => host.pidsOf('ipcps/main')[0]);
  assert.notEqual(again, ipcpd);
  const list = await host.tool('irm', 'ipcp', 'list', '--json');
  assert.equal(JSON.parse(list.stdout)[0].layer, 'local');
  irmd.kill('SIGKILL');
  await irmd.exited;
  irmd = startIrmd(); // as the service manager would
  await waitFor('irmd', () => irmd.stdout.includes('started...'));
  await works(host, 'TCP');
  await works(host, 'UDP');
  assert.doesNotMatch(client.stdout, /error/);
});

onHost(
  '10,000 connect and close cycles leave nothing',
  async (host) => {
    const server = host.start(['python3', '-c', SERVER]);
    await waitFor('the server', () => server.stdout.includes('up'));
    await works(host, 'TCP');
    const stack = await stackOf(host);
    const fds = () => readdirSync(`/proc/${stack}/fd`).length;
    const before = fds();
    const out = await host.ok(
      [
        'python3',
        '-c',
        `
import socket
for i in range(10000):
    s = socket.socket(); s.connect(("127.0.0.1", 9000)); s.close()
print("done")`,
      ],
      {},
      60_000,
    );
    assert.equal(out, 'done\n');
    const flows = async () => JSON.parse((await host.tool('irm', 'flow', 'list', '--json')).stdout);
    await waitFor('the flows to go', async () => (await flows()).length <= 1, 10_000);
    assert.ok(fds() <= before + 2, `${before} descriptors before, ${fds()} after`);
  },
  { ms: 120_000 },
);

onHost('misbehaving programs harm nobody else', async (host) => {
  const [server, client] = await pair(host);
  const closer = await host.ok([
    'python3',
    '-c',
    `
import os, socket
os.closerange(3, 4096)
s = socket.create_connection(("127.0.0.1", 9000)); s.send(b"after closing all"); print(s.recv(100).decode())`,
  ]);
  assert.equal(closer, 'after closing all\n');
  await host.ok(
    [
      'python3',
      '-c',
      `
import os
for i in range(1000):
    if os.fork() == 0: os._exit(0)
while True:
    try: os.wait()
    except ChildProcessError: break`,
    ],
    {},
    40_000,
  );
  const gw = join(host.runtime, 'gw');
  assert.ok(existsSync(join(gw, 's', 'ctl')));
  await host.ok(
    [
      'python3',
      '-c',
      `
import socket, os
for name, kind in (("s/ctl", socket.SOCK_SEQPACKET), ("admin", socket.SOCK_SEQPACKET), ("s/relay", socket.SOCK_STREAM)):
    for size in (1, 7, 312, 4000, 60000):
        for i in range(20):
            s = socket.socket(socket.AF_UNIX, kind); s.settimeout(1); s.connect("${gw}/" + name)
            try: s.send(os.urandom(size)); s.recv(100)
            except OSError: pass
            s.close()
idle = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for i in range(200)]
for s in idle: s.settimeout(2); s.connect("${gw}/s/ctl")
print("sent")`,
    ],
    { under: false },
    40_000,
  );
  const irm = await host.ok(
    [
      'python3',
      '-c',
      `
import socket, os
for i in range(100):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect("${host.runtime}/irm.sock")
    s.send(os.urandom(100)); s.close()
print("sent")`,
    ],
    { under: false },
  );
  assert.equal(irm, 'sent\n');
  const seen = client.stdout.length;
  await within(1000, 'data on the good stream', () => client.stdout.length > seen);
  await works(host, 'TCP');
  assert.ok(server.alive);
});

onHost('nothing stays when the programs and the stack have ended', async (host) => {
  const [server, client] = await pair(host);
  await works(host, 'UDP');
  server.kill('SIGKILL');
  client.kill('SIGKILL');
  await Promise.all([server.exited, client.exited]);
  assert.equal((await host.tool('ouro-run', '--stop')).code, 0);
  await waitFor('the stack to end', () => host.pidsInside().length === 0);
  const mine = readdirSync('/dev/shm').filter((f) => f.includes('ouro'));
  assert.deepEqual(mine, []);
  assert.equal(existsSync(join(host.runtime, 'gw', 's', 'ctl')), false);
  assert.equal(existsSync(join(host.runtime, 'irm.sock')), false);
  assert.ok(readlinkSync('/proc/self/exe'));
});
