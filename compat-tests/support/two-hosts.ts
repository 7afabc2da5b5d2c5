/** What tests with two hosts share: daemons, irm's words, addresses for layers over IP. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bin, type Host } from './host.ts';
import { type Proc, waitFor } from './proc.ts';

export const ips = { udp4: ['10.9.0.1', '10.9.0.2'], udp6: ['fd09::1', 'fd09::2'] } as const;

/** Gives each host an IPv4 and an IPv6 address on its end of the cable. */
export function addresses(...hosts: Host[]): void {
  for (const [i, host] of hosts.entries()) {
    const add = (...words: string[]) =>
      execFileSync('ip', ['-n', host.netns ?? '', 'addr', 'add', ...words, 'dev', 'veth0']);
    add(`${ips.udp4[i]}/24`);
    const ipv6 = 'net.ipv6.conf.veth0.disable_ipv6=0';
    execFileSync('ip', ['netns', 'exec', host.netns ?? '', 'sysctl', '-qw', ipv6]);
    add(`${ips.udp6[i]}/64`, 'nodad');
  }
}

export async function startIrmd(host: Host): Promise<Proc> {
  const irmd = host.start([bin('irmd'), '--stdout'], { under: false });
  await waitFor('irmd', () =>
    irmd.stdout.includes('irmd(II): Ouroboros IPC Resource Manager daemon started...'),
  );
  return irmd;
}

/** irm's words as the talk types them; it says nothing when all is well. */
export async function irm(host: Host, words: string): Promise<void> {
  const r = await host.tool('irm', ...words.split(' '));
  assert.equal(r.code, 0, `irm ${words}: ${r.stderr}${r.stdout}`);
  assert.equal(r.stdout, '', `irm ${words} is silent`);
}

/** Python's web server under ouro-run as "web", port 8000, registered in `layer`. Gives its folder, and the 3 MB of "big" in it. */
export async function serveWeb(
  host: Host,
  layer: string,
): Promise<{ www: string; body: Uint8Array }> {
  const www = join(host.dir, 'www');
  mkdirSync(www);
  const body = randomBytes(3_000_000);
  writeFileSync(join(www, 'big'), body);
  host.start(['python3', '-u', '-m', 'http.server', '-d', www, '8000'], {
    options: ['--name', 'web'],
  });
  await waitFor('the name', () =>
    host.tool('irm', 'name', 'list').then((r) => r.stdout.includes('web')),
  );
  await irm(host, `reg n web l ${layer}`);
  return { www, body };
}
