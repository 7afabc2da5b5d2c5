/**
 * IPCP types `udp4` and `udp6`: a layer over UDP, all of whose members use the same port. Names are found in the DNS when a server is
 * configured, else in the table of hosts and by the system's resolver; members of ours that are named as peers are asked directly.
 */
import { z } from 'zod';
import { toHex, UsageError } from '#lib/core/index.ts';
import { type IpcpDeps, type IpcpType, ipcpType, type Membership } from '#lib/ipcp-dev/index.ts';
import { hashName } from '#lib/layer/index.ts';
import { type Family, ipText, isAny, parseIp, socketAddress } from '#lib/udp/index.ts';
import { defaultUdpPort } from '#lib/wire/index.ts';
import type { Directory } from './directory.ts';
import { DnsClient } from './dns-client.ts';
import { DnsDirectory } from './dns-directory.ts';
import { HostsDirectory } from './hosts-directory.ts';
import { UdpLayer } from './udp-layer.ts';
import { UdpPort } from './udp-port.ts';

/** One text with commas, as irm gives it, or a list. */
const list = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => (typeof given === 'string' ? given.split(',') : given))
  .transform((items) => items.map((item) => item.trim()).filter((item) => item !== ''));

export const udpOptions = z.strictObject({
  ip: z.string(),
  port: z.int().min(1).max(65_535).default(defaultUdpPort),
  /** IP address of the server. */
  dns: z.string().optional(),
  /** Below which names are in the DNS. */
  domain: z.string().default(''),
  /** IP addresses of members of ours. */
  peers: list.default([]),
  /** `NAME=IP`. */
  hosts: list.default([]),
  /** Programs may open sockets at `ip` for busy flows (docs/wire/shortcuts.md). */
  shortcuts: z.enum(['yes', 'no']).default('yes'),
});
export type UdpOptions = z.infer<typeof udpOptions>;

export const udp4Ipcp: IpcpType = udpIpcp('udp4');
export const udp6Ipcp: IpcpType = udpIpcp('udp6');

function udpIpcp(family: Family): IpcpType {
  return ipcpType({
    type: family,
    splice: false,
    config: udpOptions,
    create: (deps) => ({
      bootstrap: async (layer, options) => join(family, layer, options, deps),
    }),
  });
}

function join(family: Family, name: string, options: UdpOptions, deps: IpcpDeps): Membership {
  const { clock, random, guard, pid } = deps;
  const log = deps.log(`ipcpd/${family}`);
  const ip = ipOption('ip', options.ip, family);
  if (isAny(ip)) throw new UsageError(`Option ip: ${options.ip} is no address of this host alone`);
  const peers = options.peers.map((text) => ipOption('peers', text, family));
  const directory = directoryFor(family, ip, options, deps);
  const port = new UdpPort({ clock, guard }, { address: socketAddress(ip, options.port) });
  const layer = new UdpLayer(
    { clock, random, port, directories: [directory] },
    {
      name,
      family,
      peers: peers.filter((peer) => toHex(peer) !== toHex(ip)),
      shortcuts: options.shortcuts === 'yes',
    },
  );
  log.info(`Using ${ipText(ip)} port ${options.port}.`);
  if (options.dns !== undefined) log.info(`Using DNS server ${options.dns}.`);
  log.info(`Bootstrapped ${family} IPCP with pid ${pid}.`);
  return { layer, hash: 'MD5', mtu: layer.mtu, status: () => layer.status };
}

function directoryFor(
  family: Family,
  ip: Uint8Array,
  { dns, domain, hosts }: UdpOptions,
  { clock }: IpcpDeps,
): Directory {
  if (dns === undefined)
    return new HostsDirectory({ clock }, { family, hosts: table(hosts, family) });
  if (parseIp(dns) === undefined) throw new UsageError(`Option dns: ${dns} is no IP address`);
  const client = new DnsClient({ clock }, { server: dns });
  return new DnsDirectory({ clock, client }, { ip, domain });
}

function table(entries: readonly string[], family: Family): Map<string, Uint8Array[]> {
  const hosts = new Map<string, Uint8Array[]>();
  for (const entry of entries) {
    const at = entry.lastIndexOf('=');
    if (at < 1) throw new UsageError(`Option hosts: ${entry} is not NAME=IP`);
    const name = toHex(hashName('MD5', entry.slice(0, at)));
    const ip = ipOption('hosts', entry.slice(at + 1), family);
    hosts.set(name, [...(hosts.get(name) ?? []), ip]);
  }
  return hosts;
}

function ipOption(option: string, text: string, family: Family): Uint8Array {
  const ip = parseIp(text);
  if (ip === undefined || (ip.length === 4) !== (family === 'udp4'))
    throw new UsageError(`Option ${option}: ${text} is no address of ${family}`);
  return ip;
}
