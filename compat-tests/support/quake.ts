/** ioquake3 and OpenArena without a screen: server, clients under Xvfb, queries, screenshots. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host, RunOptions } from './host.ts';
import { type Proc, waitFor } from './proc.ts';

const ENGINE = '/usr/lib/ioquake3';

export function quakeMissing(): string | undefined {
  const needed = [
    `${ENGINE}/ioq3ded`,
    `${ENGINE}/ioquake3`,
    '/usr/lib/openarena',
    '/usr/bin/Xvfb',
    '/usr/bin/import',
  ];
  const missing = needed.find((path) => !existsSync(path));
  return missing === undefined ? undefined : `${missing} is not installed`;
}

const common = (home: string) => [
  '+set',
  'com_basegame',
  'baseoa',
  '+set',
  'com_homepath',
  home,
  '+set',
  'com_legacyprotocol',
  '71',
  '+set',
  'com_protocol',
  '71',
  '+set',
  'cl_motd',
  '0',
  '+set',
  'ttycon',
  '0',
  '+set',
  'net_enabled',
  '1',
];

export function startServer(host: Host, options: RunOptions = {}): Proc {
  return host.start(
    [
      `${ENGINE}/ioq3ded`,
      ...common('.oaserver'),
      '+set',
      'fs_basepath',
      '/usr/lib/openarena-server',
      '+set',
      'sv_master1',
      '',
      '+set',
      'dedicated',
      '1',
      '+set',
      'net_port',
      '27960',
      '+map',
      'oa_dm1',
    ],
    options,
  );
}

export interface Screen {
  display: string;
  xvfb: Proc;
}

export async function startScreen(host: Host): Promise<Screen> {
  const xvfb = host.start(
    ['Xvfb', '-displayfd', '1', '-screen', '0', '640x480x24', '-nolisten', 'tcp'],
    {
      under: false,
    },
  );
  const number = await waitFor('Xvfb', () => /^\d+/.exec(xvfb.stdout)?.[0], 15_000);
  return { display: `:${number}`, xvfb };
}

export function startClient(host: Host, screen: Screen, name: string, command: string[]): Proc {
  return host.start(
    [
      `${ENGINE}/ioquake3`,
      ...common(`.oa-${name}`),
      '+set',
      'fs_basepath',
      '/usr/lib/openarena',
      '+set',
      's_initsound',
      '0',
      '+set',
      'r_fullscreen',
      '0',
      '+set',
      'r_mode',
      '3',
      '+set',
      'in_mouse',
      '0',
      '+set',
      'com_introplayed',
      '1',
      '+set',
      'com_maxfps',
      '20',
      '+set',
      'name',
      name,
      ...command,
    ],
    { env: { DISPLAY: screen.display, LIBGL_ALWAYS_SOFTWARE: '1', SDL_AUDIODRIVER: 'dummy' } },
  );
}

/** Asks a server as any tool of the game's community would: one UDP datagram, one answer. */
export async function getstatus(host: Host, address = '127.0.0.1'): Promise<string> {
  const script = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)
s.sendto(b"\\xff\\xff\\xff\\xffgetstatus\\n", ("${address}", 27960))
sys.stdout.write(s.recv(65536).decode("latin1"))`;
  return (await host.run(['python3', '-c', script])).stdout;
}

/** Colours in a screenshot of the whole screen, and its mean brightness from 0 to 1. */
export async function screenshot(
  host: Host,
  screen: Screen,
  file: string,
): Promise<{ colours: number; mean: number }> {
  const env = { DISPLAY: screen.display };
  await host.ok(['import', '-window', 'root', file], { under: false, env });
  const out = await host.ok(['identify', '-format', '%k %[fx:mean]', file], { under: false });
  const [colours = 0, mean = 0] = out.split(' ').map(Number);
  return { colours, mean };
}

export function consoleLog(host: Host, name: string): string {
  const file = join(host.dir, `.oa-${name}`, 'baseoa', 'qconsole.log');
  return existsSync(file) ? readFileSync(file, 'latin1') : '';
}
