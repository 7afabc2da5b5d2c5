/** A DNS server of the tests: BIND with the root zone, open to updates, on addresses and a port of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResourceError } from '#lib/core/index.ts';

const program = '/usr/sbin/named';

/** Why there can be none here, or undefined. */
export function cannotRunNamed(): string | undefined {
  return existsSync(program) ? undefined : 'needs named (Debian package bind9)';
}

export interface Named {
  readonly server: string;
  readonly port: number;
  /** What it has logged. */
  log(): string;
  close(): Promise<void>;
}

export async function startNamed(records: string, updates = 'any'): Promise<Named> {
  const dir = mkdtempSync(join(tmpdir(), 'ouro-named-'));
  const server = '127.0.0.1';
  const port = await freePort(server);
  writeFileSync(
    join(dir, 'root.zone'),
    `@ 60 IN SOA ns. admin. 1 60 60 60 1\n@ 60 IN NS ns.\nns. 60 IN A ${server}\n${records}`,
  );
  const conf = join(dir, 'named.conf');
  writeFileSync(
    conf,
    `options { directory "${dir}"; pid-file none; session-keyfile "${dir}/session.key"; recursion no;
       dnssec-validation no; listen-on port ${port} { ${server}; }; listen-on-v6 { none; }; };
     controls { };
     zone "." { type primary; file "root.zone"; allow-update { ${updates}; }; };\n`,
  );
  const child = spawn(program, ['-g', '-n', '1', '-c', conf], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  const close = () => end(child).then(() => rmSync(dir, { recursive: true, force: true }));
  try {
    await new Promise<void>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', () => reject(new ResourceError(`named has ended: ${log}`)));
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        log += text;
        if (log.includes('all zones loaded')) resolve();
      });
    });
  } catch (error) {
    await close();
    throw error;
  }
  return { server, port, log: () => log, close };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

function freePort(address: string): Promise<number> {
  const socket = createSocket('udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, address, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
