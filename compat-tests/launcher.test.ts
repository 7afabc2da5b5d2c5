/** ouro-run and ouro-ps as commands: refusals, exit status, signals, terminals, rules, what is shown. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { onHost } from './support/compat.ts';
import { bin, commandLine, root } from './support/host.ts';
import { waitFor } from './support/proc.ts';

onHost('ouro-run passes exit status, signals, arguments and environment through', async (host) => {
  assert.equal((await host.run(['sh', '-c', 'exit 7'])).code, 7);
  const out = await host.ok(['sh', '-c', 'echo "$0|$1|$MARK"', 'a b', '$c'], {
    env: { MARK: 'm' },
  });
  assert.equal(out, 'a b|$c|m\n');
  const sleeper = host.start(['sleep', '60']);
  await waitFor('sleep', () => host.pidsOf('sleep 60').includes(sleeper.pid));
  sleeper.kill('SIGTERM');
  await sleeper.exited;
  assert.equal(sleeper.signal, 'SIGTERM');
  const trapped = host.start([
    'sh',
    '-c',
    'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.05; done',
  ]);
  await waitFor('the trap', () => trapped.stdout.includes('ready'));
  trapped.kill('SIGINT');
  assert.equal(await trapped.wait(5000), 3);
  assert.match(trapped.stdout, /caught/);
});

onHost('ouro-run keeps the limit of open files, SIGPIPE, and the terminal', async (host) => {
  const [a, b] = [
    await host.ok(['sh', '-c', 'ulimit -Sn'], { under: false }),
    await host.ok(['sh', '-c', 'ulimit -Sn']),
  ];
  assert.equal(b, a);
  const status = ['grep', '-E', '^Sig(Ign|Blk)', '/proc/self/status'];
  assert.equal(await host.ok(status), await host.ok(status, { under: false }));
  const inherited = ['sh', '-c', 'exec 7<"$0"; exec "$1" -- cat <&7 /dev/fd/7', '/etc/hostname'];
  assert.equal(
    await host.ok([...inherited, bin('ouro-run')], { under: false }),
    readFileSync('/etc/hostname', 'utf8'),
  );
  const tty = await host.run(
    [
      'script',
      '-qec',
      `${bin('ouro-run')} -- sh -c 'test -t 0 && test -t 1 && stty size && echo tty'`,
      '/dev/null',
    ],
    { under: false },
  );
  assert.match(tty.stdout, /tty/);
});

onHost('ouro-run does not wait for ever for a gateway that does not answer', async (host) => {
  await host.ok(['true']);
  const stack = host
    .pidsOf('ouro-run/stack')
    .find((pid) => !commandLine(pid).includes('ouro-guard'));
  assert.ok(stack !== undefined);
  process.kill(stack, 'SIGSTOP');
  const r = await host.run(['true'], {}, 10_000);
  assert.equal(r.code, 125);
  assert.match(r.stderr, /The gateway did not answer in 5 s; ouro-run --stop ends it/);
  const stopped = await host.tool('ouro-run', '--stop');
  assert.equal(stopped.code, 0);
  assert.match(stopped.stderr, new RegExp(`The gateway did not answer: killed \\d+ and ${stack}`));
  await host.ok(['true']);
});

onHost('ouro-run works from where npm install -g links it', async (host) => {
  const prefix = join(host.dir, 'prefix');
  await host.ok(
    [
      'npm',
      'install',
      '-g',
      '--ignore-scripts',
      '--no-audit',
      '--no-fund',
      '--prefix',
      prefix,
      root,
    ],
    { under: false },
  );
  const installed = join(prefix, 'bin/ouro-run');
  assert.ok(lstatSync(installed).isSymbolicLink());
  assert.match(await host.ok([installed, '--version'], { under: false }), /^ouro-run \d/);
  assert.equal(await host.ok([installed, 'echo', 'hello'], { under: false }), 'hello\n');
});

onHost('ouro-run refuses what it cannot redirect, and says why', async (host) => {
  const source = join(host.dir, 's.c');
  const program = join(host.dir, 'static');
  writeFileSync(source, 'int main(void) { return 0; }');
  await host.ok(['gcc', '-static', '-o', program, source], { under: false });
  const refused = async (argv: string[], why: RegExp, code = 126) => {
    const r = await host.run(argv);
    assert.equal(r.code, code, r.stderr);
    assert.match(r.stderr, why);
  };
  await refused([program], /static/i);
  const setuid = join(host.dir, 'setuid');
  copyFileSync('/bin/true', setuid);
  chownSync(setuid, 65534, 65534); // for root, a program that is setuid root changes nothing
  chmodSync(setuid, 0o4755);
  await refused([setuid], /setuid/i);
  const foreign = join(host.dir, 'foreign');
  const elf = Buffer.alloc(256);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  elf.writeUInt16LE(3, 16);
  elf.writeUInt16LE(0xb7, 18); // aarch64
  writeFileSync(foreign, elf, { mode: 0o755 });
  await refused([foreign], /ARM 64/);
  await refused(['/nonexistent/program'], /nonexistent/, 127);
  await refused([source], /permission|execut/i);
  const script = join(host.dir, 'script');
  writeFileSync(script, `#!${program}\n`, { mode: 0o755 });
  await refused([script], /static/i);
});

onHost('ouro-run checks rules and prints them', async (host) => {
  const tool = (...args: string[]) => host.tool('ouro-run', ...args);
  assert.equal((await tool('--check', '-r', 'out,tcp,port=80,pass', '--', '/bin/true')).code, 0);
  const bad = await tool('--check', '-r', 'out,tpc,pass', '--', '/bin/true');
  assert.notEqual(bad.code, 0);
  assert.match(bad.stderr, /tpc/);
  const file = join(host.dir, 'rules');
  writeFileSync(file, '# web only\nin,tcp,port=8000-8010,flow\nout,port=99999,pass\n');
  const wrong = await tool('--check', '--rules', file, '--', '/bin/true');
  assert.notEqual(wrong.code, 0);
  assert.match(wrong.stderr, /rules:3.*99999/s);
  const printed = await tool('-p', '-r', 'out,udp,reject=ECONNREFUSED');
  assert.equal(printed.code, 0);
  assert.match(printed.stdout, /reject=ECONNREFUSED/);
  assert.equal((await tool('--help')).code, 0);
  assert.notEqual((await tool()).code, 0);
  assert.notEqual((await tool('--nonsense', '/bin/true')).code, 0);
});

onHost('rules decide: reject, and pass beside flow', async (host) => {
  const r = await host.run(['curl', '-sS', 'http://127.0.0.1:8000/'], {
    options: ['-r', 'out,tcp,port=8000,reject=EHOSTUNREACH'],
  });
  assert.equal(r.code, 7);
  assert.match(r.stderr, /No route to host|Couldn't connect|Failed to connect/);
  const real = host.start(['python3', '-m', 'http.server', '8000'], { under: false });
  const page = await waitFor('the page', () =>
    host
      .ok(['curl', '-sf', 'http://127.0.0.1:8000/'], { options: ['-r', 'out,tcp,port=8000,pass'] })
      .catch(() => ''),
  );
  assert.match(page, /Directory listing/);
  assert.ok(real.alive);
});

onHost('ouro-ps shows every redirected socket', async (host) => {
  const server = host.start(['python3', '-m', 'http.server', '8000']);
  await waitFor('the server', () =>
    host.ok(['curl', '-sf', 'http://127.0.0.1:8000/']).catch(() => ''),
  );
  const client = host.start([
    'python3',
    '-c',
    `
import socket, time
s = socket.create_connection(("127.0.0.1", 8000)); s.send(b"GET ")
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("127.0.0.1", 5353))
print("ready", flush=True); time.sleep(60)`,
  ]);
  await waitFor('the client', () => client.stdout.includes('ready'));
  const rows = JSON.parse((await host.tool('ouro-ps', '--json')).stdout);
  const of = (pid: number) => rows.filter((row: { pid: number }) => row.pid === pid);
  assert.ok(
    of(server.pid).some(
      (r: { state: string; local: string }) => /LISTEN/i.test(r.state) && /8000/.test(r.local),
    ),
  );
  assert.ok(
    of(client.pid).some(
      (r: { state: string; peer: string }) => /ESTAB/i.test(r.state) && r.peer === '127.0.0.1:8000',
    ),
  );
  // Both ends of the direct connection, by what its connecting end has counted.
  assert.ok(
    of(client.pid).some((r: { sent?: number; via?: string }) => r.sent === 4 && r.via === 'direct'),
  );
  assert.ok(
    of(server.pid).some(
      (r: { received?: number; via?: string }) => r.received === 4 && r.via === 'direct',
    ),
  );
  assert.ok(of(client.pid).some((r: { local: string }) => r.local === '127.0.0.1:5353'));
  const text = await host.tool('ouro-ps');
  assert.match(text.stdout, /127\.0\.0\.1:8000/);
  assert.match(text.stdout, /direct/);
});

onHost('a program that clears its environment keeps its sockets redirected', async (host) => {
  host.start(['env', '-i', '/usr/bin/python3', '-m', 'http.server', '8000']);
  const page = await waitFor('the page', () =>
    host.ok(['env', '-i', '/usr/bin/curl', '-sf', 'http://127.0.0.1:8000/']).catch(() => ''),
  );
  assert.match(page, /Directory listing/);
  host.checkPath();
});
