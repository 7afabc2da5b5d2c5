/** Programs that change their user after the start keep their way to the gateway; other processes of that user have none. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compat, onHost } from './support/compat.ts';
import type { Host } from './support/host.ts';
import { waitFor } from './support/proc.ts';

const WWW_DATA = 33;
const python = (script: string) => ['python3', '-u', '-c', script];
const as = (uid: number, ...argv: string[]) => [
  'setpriv',
  `--reuid=${uid}`,
  `--regid=${uid}`,
  '--clear-groups',
  ...argv,
];

function proxyConf(host: Host): string {
  const dir = join(host.dir, 'proxy');
  mkdirSync(dir);
  for (const path of [host.dir, dir]) chmodSync(path, 0o755);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    join(dir, 'conf'),
    `user www-data; daemon off; worker_processes 2; pid ${dir}/pid; error_log stderr; events { worker_connections 64; }
     http { access_log off; ${temp.map((t) => `${t}_temp_path ${dir}/${t};`).join(' ')}
     server { listen 127.0.0.1:8080; location / { proxy_pass http://127.0.0.1:8000; } } }`,
  );
  return dir;
}

compat('nginx as root with workers of www-data is a proxy', async (host) => {
  writeFileSync(join(host.dir, 'page'), 'behind the proxy');
  host.start(['python3', '-m', 'http.server', '8000']);
  await waitFor('the server', () =>
    host.ok(['curl', '-sf', 'http://127.0.0.1:8000/page']).catch(() => ''),
  );
  const dir = proxyConf(host);
  const nginx = host.start(['nginx', '-c', join(dir, 'conf'), '-p', dir, '-e', 'stderr']);
  const page = await waitFor('the proxy', () =>
    host.ok(['curl', '-sf', 'http://127.0.0.1:8080/page']).catch(() => ''),
  );
  assert.equal(page, 'behind the proxy', nginx.output);
  for (let i = 0; i < 20; i++)
    assert.equal(await host.ok(['curl', '-sf', 'http://127.0.0.1:8080/page']), page);
});

onHost('nginx as root with workers of www-data proxies to a name', async (host) => {
  writeFileSync(join(host.dir, 'page'), 'by name');
  host.start(['python3', '-m', 'http.server', '8000'], { options: ['--name', 'backend'] });
  await waitFor('the server', () =>
    host.ok(['curl', '-sf', 'http://backend:8000/page']).catch(() => ''),
  );
  const dir = proxyConf(host);
  const conf = join(dir, 'conf2');
  const { readFileSync } = await import('node:fs');
  writeFileSync(
    conf,
    readFileSync(join(dir, 'conf'), 'utf8').replace('127.0.0.1:8000', 'backend:8000'),
  );
  host.start(['nginx', '-c', conf, '-p', dir, '-e', 'stderr']);
  const page = await waitFor('the proxy', () =>
    host.ok(['curl', '-sf', 'http://127.0.0.1:8080/page']).catch(() => ''),
  );
  assert.equal(page, 'by name');
  host.checkPath();
});

onHost(
  'every kind of socket works after the change, and in programs started afterwards',
  async (host) => {
    chmodSync(host.dir, 0o755);
    const server = host.start(
      python(`
import os, socket, threading
os.setgid(33); os.setuid(33)
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 9001))
t = socket.socket(); t.bind(("127.0.0.1", 9002)); t.listen()
try: socket.socket().bind(("127.0.0.1", 80)); print("bound 80")
except PermissionError: print("no port 80")
print("up")
def udp():
    while True:
        d, who = u.recvfrom(2000); u.sendto(b"udp " + d, who)
threading.Thread(target=udp, daemon=True).start()
while True:
    c, who = t.accept(); c.sendall(b"tcp " + c.recv(100)); c.close()`),
    );
    await waitFor('the server', () => server.stdout.includes('up'));
    assert.match(server.stdout, /no port 80/);
    const talk = `
import socket
c = socket.create_connection(("127.0.0.1", 9002)); c.sendall(b"hello"); print(c.recv(100).decode())
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(3); u.sendto(b"hello", ("127.0.0.1", 9001)); print(u.recv(100).decode())`;
    const both = 'tcp hello\nudp hello\n';
    assert.equal(await host.ok(python(talk)), both);
    assert.equal(await host.ok(python(`import os\nos.setresuid(33, 33, 33)\n${talk}`)), both);
    assert.equal(await host.ok(python(talk), { options: ['--no-direct'] }), both);
    // setpriv changes its user and executes the program.
    assert.equal(await host.ok(as(WWW_DATA, ...python(talk))), both);
    assert.equal(
      await host.ok([
        'sh',
        '-c',
        'setpriv --reuid=33 --clear-groups sh -c \'python3 -u -c "$0"\' "$0"',
        talk,
      ]),
      both,
    );
  },
);

onHost('another process of the same user gets in nowhere', async (host) => {
  chmodSync(host.dir, 0o755);
  const server = host.start(
    python(`
import os, socket
t = socket.socket(); t.bind(("127.0.0.1", 9002)); t.listen()
os.setgid(33); os.setuid(33)
c = socket.create_connection(("127.0.0.1", 9002)); print("up"); t.accept()
import time; time.sleep(60)`),
  );
  await waitFor('the server', () => server.stdout.includes('up'));
  const out = await host.ok(
    as(
      WWW_DATA,
      ...python(`
import os, socket
tried = 0
def attempt(path, kind):
    global tried
    tried += 1
    s = socket.socket(socket.AF_UNIX, kind); s.settimeout(2)
    try:
        s.connect(path); print("IN", path)
    except OSError: pass
gw = "${host.runtime}/gw"
for name, kind in (("s/ctl", socket.SOCK_SEQPACKET), ("s/relay", socket.SOCK_STREAM), ("admin", socket.SOCK_SEQPACKET)): attempt(gw + "/" + name, kind)
for line in open("/proc/net/unix"):
    f = line.split()
    if len(f) > 7 and ("ouro" in f[7] or "/gw/" in f[7]): attempt("\\0" + f[7][1:] if f[7][0] == "@" else f[7], int(f[4]))
for fd in range(3, 1 << 16):
    if os.path.islink("/proc/${server.pid}/fd/%d" % fd): print("IN the descriptors", fd)
print("tried", tried > 4)`),
    ),
    { under: false },
  );
  assert.equal(out, 'tried True\n');
  const refused = await host.run(
    as(
      WWW_DATA,
      'env',
      `OURO_DOOR=900`,
      `OURO_GATEWAY=${host.runtime}/gw`,
      `LD_PRELOAD=${join(import.meta.dirname, '../../shim/build/libouro-shim.so')}`,
      'true',
    ),
    { under: false },
  );
  assert.equal(refused.code, 127);
});
