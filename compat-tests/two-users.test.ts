/** Two users, each with a gateway of his own, meet through irmd of the system; who is not in its group is told so. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onHost } from './support/compat.ts';
import { bin, type Host } from './support/host.ts';
import { type Proc, waitFor } from './support/proc.ts';

const GROUP = 4242;
const users = { alice: 20_001, bob: 20_002, carol: 20_003 } as const;
type User = keyof typeof users;

/** A host with a system of its own: /run/ouroboros and the group are seen in a mount namespace alone. */
class System {
  readonly #host: Host;
  readonly #holder: Proc;

  private constructor(host: Host, holder: Proc) {
    this.#host = host;
    this.#holder = holder;
  }

  static async start(host: Host): Promise<System> {
    chmodSync(host.dir, 0o755);
    const group = join(host.dir, 'group');
    writeFileSync(group, `root:x:0:\nouroboros:x:${GROUP}:\n`);
    const holder = host.start(
      [
        'unshare',
        '-m',
        'sh',
        '-c',
        `mkdir -p /run/ouroboros && mount -t tmpfs -o mode=755 none /run && mount --bind ${group} /etc/group && echo ready && exec sleep 1000`,
      ],
      { under: false },
    );
    await waitFor('the mounts', () => holder.stdout.includes('ready'));
    for (const [user, uid] of Object.entries(users)) {
      const dir = join(host.dir, user);
      mkdirSync(dir, { mode: 0o700 });
      chownSync(dir, uid, uid);
    }
    return new System(host, holder);
  }

  argv(user: User | 'root', ...program: string[]): string[] {
    const inside = ['nsenter', '-t', String(this.#holder.pid), '-m', 'env', '-u', 'OUROBOROS_DIR'];
    if (user === 'root') return [...inside, ...program];
    const uid = users[user];
    const home = join(this.#host.dir, user);
    const groups = user === 'carol' ? '--clear-groups' : `--groups=${GROUP}`;
    return [
      ...inside,
      `HOME=${home}`,
      `XDG_RUNTIME_DIR=${home}`,
      'setpriv',
      `--reuid=${uid}`,
      `--regid=${uid}`,
      groups,
      ...program,
    ];
  }

  start(user: User | 'root', ...program: string[]): Proc {
    return this.#host.start(this.argv(user, ...program), { under: false });
  }

  run(user: User | 'root', ...program: string[]) {
    return this.#host.run(this.argv(user, ...program), { under: false });
  }

  async stop(): Promise<void> {
    for (const user of Object.keys(users) as User[])
      await this.run(user, bin('ouro-run'), '--stop');
  }
}

onHost(
  'a server of one user and a client of another meet over TCP and UDP; a third is told why not',
  async (host) => {
    const system = await System.start(host);
    const irmd = system.start('root', bin('irmd'), '--stdout');
    await waitFor('irmd', () => irmd.stdout.includes('daemon started...'));
    const boot = await system.run('root', bin('irm'), ...'i b t local l local n local'.split(' '));
    assert.equal(boot.code, 0, boot.stderr);
    try {
      writeFileSync(join(host.dir, 'alice/page'), "alice's page");
      chmodSync(join(host.dir, 'alice/page'), 0o644);
      const web = system.start(
        'alice',
        ...[bin('ouro-run'), '--name', 'web', '--', 'python3', '-u', '-c'],
        `
import http.server, os, socket, threading
os.chdir("${host.dir}/alice")
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("0.0.0.0", 9001))
def udp():
    while True:
        d, who = u.recvfrom(2000); u.sendto(b"for " + d, who)
threading.Thread(target=udp, daemon=True).start()
s = http.server.ThreadingHTTPServer(("0.0.0.0", 8000), http.server.SimpleHTTPRequestHandler)
print("up", os.getuid()); s.serve_forever()`,
      );
      await waitFor('the server', () => web.stdout.includes(`up ${users.alice}`));
      const page = await waitFor('the page', async () => {
        const r = await system.run('bob', bin('ouro-run'), 'curl', '-sf', 'http://web:8000/page');
        return r.code === 0 && r.stdout;
      });
      assert.equal(page, "alice's page");
      const udp = await system.run(
        'bob',
        ...[bin('ouro-run'), 'python3', '-c'],
        `
import os, socket
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(5)
to = (socket.gethostbyname("web"), 9001)
for i in range(300):
    u.sendto(b"bob %d" % i, to); d, who = u.recvfrom(2000)
    assert d == b"for bob %d" % i and who == to, (d, who)
print(os.getuid())`,
      );
      assert.equal(udp.stdout, `${users.bob}\n`, udp.stderr);
      const gateways = host.pidsOf('--guard').length;
      assert.ok(gateways >= 2, `each of the two has a gateway of his own, not ${gateways}`);
      host.checkPath();

      const third = await system.run('carol', bin('irm'), 'name', 'list');
      assert.notEqual(third.code, 0);
      assert.match(third.stderr, /group/, third.stderr);
      const run = await system.run('carol', bin('ouro-run'), 'curl', '-sf', 'http://web:8000/page');
      assert.notEqual(run.code, 0);
      assert.match(run.stderr, /group/, `${run.stdout} ${run.stderr}`);
    } finally {
      await system.stop();
    }
  },
);
