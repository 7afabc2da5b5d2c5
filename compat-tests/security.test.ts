/** Another user of the host gets in nowhere where the gateway would not let it in. */
import assert from 'node:assert/strict';
import { chmodSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { onHost } from './support/compat.ts';
import { bin } from './support/host.ts';
import { waitFor } from './support/proc.ts';

const asNobody = (script: string) => [
  'setpriv',
  '--reuid=65534',
  '--regid=65534',
  '--clear-groups',
  'python3',
  '-c',
  script,
];

onHost(
  'another user can neither connect to a server nor speak to the gateway or irmd',
  async (host) => {
    chmodSync(host.dir, 0o755);
    const server = host.start(['python3', '-m', 'http.server', '8000']);
    await waitFor('the server', () =>
      host.ok(['curl', '-sf', 'http://127.0.0.1:8000/']).catch(() => ''),
    );
    assert.equal(statSync(host.runtime).mode & 0o777, 0o700);
    const out = await host.ok(
      asNobody(`
import socket
paths = []
for line in open("/proc/net/unix"):
    f = line.split()
    if len(f) > 7 and ("ouro" in f[7]): paths.append((f[7], int(f[4])))
paths += [("${host.runtime}/irm.sock", 5), ("${host.runtime}/gw/s/ctl", 5), ("${host.runtime}/gw/admin", 5), ("${host.runtime}/gw/s/relay", 1)]
for path, kind in paths:
    s = socket.socket(socket.AF_UNIX, kind)
    name = "\\0" + path[1:] if path.startswith("@") else path
    try:
        s.connect(name); print("IN", path)
    except OSError as e: pass
    s.close()
print("tried", len(paths))`),
      { under: false },
    );
    assert.match(out, /^tried \d+\n$/);
    assert.ok(server.alive);
  },
);

onHost('another user cannot forge datagrams into a socket, nor take its names', async (host) => {
  chmodSync(host.dir, 0o755);
  const server = host.start([
    'python3',
    '-u',
    '-c',
    `
import socket
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("0.0.0.0", 9001)); print("up")
while True: print("got", u.recvfrom(100)[0])`,
  ]);
  await waitFor('the server', () => server.stdout.includes('up'));
  await host.ok(
    asNobody(`
import socket
for line in open("/proc/net/unix"):
    f = line.split()
    if len(f) > 7:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = "\\0" + f[7][1:] if f[7].startswith("@") else f[7]
        try: s.sendto(bytes(28) + b"forged", name)
        except OSError: pass`),
    { under: false },
  );
  await host.ok([
    'python3',
    '-c',
    `
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"honest", ("127.0.0.1", 9001))`,
  ]);
  await waitFor('the datagram', () => server.stdout.includes('honest'));
  assert.doesNotMatch(server.stdout, /forged/);
});

onHost('another user cannot manage irmd of the system', async (host) => {
  chmodSync(host.dir, 0o755);
  const irmd = host.start([bin('irmd'), '--stdout'], { under: false });
  await waitFor('irmd', () => irmd.stdout.includes('started...'));
  const r = await host.run(
    [
      'setpriv',
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      bin('irm'),
      'name',
      'create',
      'x',
    ],
    { under: false },
  );
  assert.notEqual(r.code, 0);
  const names = await host.tool('irm', 'name', 'list', '--json');
  assert.deepEqual(JSON.parse(names.stdout), []);
  assert.equal(statSync(join(host.runtime, 'irm.sock')).isSocket(), true);
});
