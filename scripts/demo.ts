/**
 * The main job on real programs, without root: a game server and two clients (or a web server and curl) whose sockets
 * are flows; then what ouro-ps and irm show of it, the kernel's view, and a picture of the game.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Host, root } from '#compat-tests/support/host.ts';
import { waitFor } from '#compat-tests/support/proc.ts';
import {
  getstatus,
  quakeMissing,
  screenshot,
  startClient,
  startScreen,
  startServer,
} from '#compat-tests/support/quake.ts';

const host = new Host('flows', false);
const say = (text: string) => console.log(`\n\x1b[1m${text}\x1b[0m`);

async function show(tool: string, ...args: string[]): Promise<void> {
  say(`$ ${tool} ${args.join(' ')}`);
  const r = await host.tool(tool, ...args);
  console.log((r.stdout + r.stderr).trimEnd());
}

/** Inet sockets that the given processes hold, by the kernel's own list. */
function inetSockets(pids: readonly number[]): string[] {
  const lines = execFileSync('ss', ['-Htuanp'], { encoding: 'utf8' }).split('\n');
  return lines.filter((line) => pids.some((pid) => line.includes(`pid=${pid},`)));
}

async function kernelView(pids: readonly number[]): Promise<void> {
  say("$ ss -tuanp        # the kernel's view: inet sockets of these programs");
  const sockets = inetSockets(pids);
  console.log(sockets.length === 0 ? '(none)' : sockets.join('\n'));
  if (sockets.length > 0) throw new Error('A program of the demo used an inet socket');
}

async function game(): Promise<void> {
  say('$ ouro-run --name ioq3 ioq3ded +map oa_dm1 …');
  const server = startServer(host, { options: ['--name', 'ioq3'] });
  await waitFor(
    'the server',
    async () => (await getstatus(host)).includes('statusResponse'),
    30_000,
  );
  console.log(`ioquake3's dedicated server runs as process ${server.pid}.`);
  say('$ ouro-run ioquake3 +connect ioq3     # twice, on screens that exist only in memory');
  const screens = [await startScreen(host), await startScreen(host)];
  const clients = screens.map((s, i) =>
    startClient(host, s, `player${i + 1}`, ['+connect', 'ioq3']),
  );
  for (const name of ['player1', 'player2'])
    await waitFor(
      `${name} in the game`,
      () => new RegExp(`${name}[^\n]* entered the game`).test(server.output),
      90_000,
    );
  for (const line of server.output.split('\n').filter((l) => l.includes('entered the game')))
    console.log(`server: ${line}`);
  await show('ouro-ps');
  await show('irm', 'name', 'list');
  await show('irm', 'flow', 'list');
  await kernelView([server.pid, ...clients.map((c) => c.pid)]);
  const out = join(root, 'out');
  mkdirSync(out, { recursive: true });
  const file = join(out, 'demo.png');
  await waitFor(
    'a picture',
    async () => (await screenshot(host, screens[0]!, file)).colours > 1000,
    30_000,
  );
  say(`The game as player1 sees it: ${file}`);
}

async function web(why: string): Promise<void> {
  say(`(${why}: showing Python's web server and curl instead)`);
  writeFileSync(join(host.dir, 'hello.txt'), 'Hello over a flow.\n');
  say('$ ouro-run --name web python3 -m http.server 8000');
  const server = host.start(['python3', '-m', 'http.server', '8000'], {
    options: ['--name', 'web'],
  });
  const curl = ['curl', '-sf', 'http://web:8000/hello.txt'];
  const text = await waitFor('the server', () => host.ok(curl).catch(() => ''), 30_000);
  say(`$ ouro-run ${curl.join(' ')}`);
  console.log(text.trimEnd());
  await show('ouro-ps');
  await show('irm', 'name', 'list');
  await kernelView([server.pid]);
}

let failed = false;
try {
  const missing = quakeMissing();
  await (missing === undefined ? game() : web(missing));
} catch (error) {
  failed = true;
  console.error(error);
} finally {
  await host.close();
}
process.exit(failed ? 1 : 0);
