/**
 * Options of `irm ipcp bootstrap`, in matching order (semantics 3.2), and the configuration that they make: keys and
 * spellings are those of irmd.conf, whichever era's words were used.
 */
import type { BootstrapConfig } from '#lib/irm/index.ts';
import type { ArgsOf } from '../grammar/command.ts';
import { choice, flag, integer, ip, maybe, required, text } from '../grammar/params.ts';
import { ipcpTypes, isolate, newIpcpName } from './vocabulary.ts';

const unicast = { section: 'unicast (2018: normal)' };
const udp = { section: 'udp4, udp6' };
const eth = { section: 'eth-dix, eth-llc, raptor' };
const member = { section: 'unicast, broadcast' };
const dix = { section: 'eth-dix' };

const hashes = {
  SHA3_224: 'SHA3_224',
  SHA3_256: 'SHA3_256',
  SHA3_384: 'SHA3_384',
  SHA3_512: 'SHA3_512',
} as const;
const routings = {
  link_state: 'link-state',
  'link-state': 'link-state',
  lfa: 'lfa',
  ecmp: 'ecmp',
} as const;

/** How 2018's forwarding policies follow from today's routing policies. */
const impliedRouting = { simple: 'link-state', alternate: 'lfa', multipath: 'ecmp' } as const;

const seconds = (help: string, least: number, most: number) =>
  integer('SECONDS', help, { least, most }, unicast);

export const bootstrapKeywords = {
  type: choice('TYPE', 'needed when there is no such IPC process yet', ipcpTypes, { prefix: true }),
  layer: required(text('LAYER', 'name of the new layer')),
  name: required(newIpcpName),
  hash: choice('HASH', 'of names; local, eth-llc, raptor: SHA3_224, others: SHA3_256', hashes),
  ip: ip('address of this host in the layer (needed)', udp),
  dns: ip('DNS server that names are registered at', udp),
  device: text('DEVICE', 'network device (needed)', { ...eth, refers: 'device' }),
  ethertype: integer(
    'ETHERTYPE',
    'hexadecimal (default: 0xA000)',
    { least: 0x600, most: 0xfffe, hex: true },
    dix,
  ),
  addr: integer('SIZE', 'octets of an address (default: 4)', { least: 1, most: 8 }, unicast),
  eid: integer('SIZE', 'octets of an endpoint id (default: 8)', { least: 1, most: 8 }, unicast),
  ttl: maybe(
    integer('HOPS', 'how far a packet may travel (default: 60)', { least: 1, most: 255 }, unicast),
    60,
  ),
  port: integer('PORT', 'UDP port (default: 3435)', { least: 1, most: 65535 }, udp),
  autobind: flag('bind the IPC process to its own name and to the layer', member),
  addr_auth: choice('POLICY', 'who gives addresses (default: flat)', { flat: 'flat' }, unicast),
  directory: choice(
    'POLICY',
    'where names are looked up (default: DHT)',
    { DHT: 'DHT', dht: 'DHT' },
    unicast,
  ),
  dht_alpha: integer('N', 'parallel look-ups (default: 3)', { least: 1, most: 10 }, unicast),
  dht_k: integer('N', 'copies of an entry (default: 8)', { least: 1, most: 20 }, unicast),
  dht_t_expire: seconds('life of an entry (default: 86400)', 10, 86400),
  dht_t_refresh: seconds('contact refresh (default: 900)', 3, 3600),
  dht_t_replicate: seconds('replication (default: 900)', 3, 3600),
  routing: choice('POLICY', 'default: link_state', routings, unicast),
  ls_t_timeo: seconds('silence after which a link is dead (default: 60)', 1, 86400),
  ls_t_update: seconds('link-state updates (default: 15)', 1, 86400),
  ls_t_recalc: seconds('route calculation (default: 4)', 1, 86400),
  congestion: choice('POLICY', 'default: mb-ecn', { 'mb-ecn': 'mb-ecn', none: 'none' }, unicast),
  domain: text('DOMAIN', 'of names in the DNS (default: none)', udp),
  peers: text('ADDRESSES', 'of members that are asked for names, with commas', udp),
  hosts: text('NAME=ADDRESS', 'where names are, with commas', udp),
  shortcuts: choice(
    'yes|no',
    'busy flows may get UDP sockets of their own (default: yes)',
    { yes: 'yes', no: 'no' },
    udp,
  ),
  isolate,
  pff: choice('POLICY', "2018's word for what routing implies", impliedRouting, unicast),
};

/** Keywords of 2018, after all of today's. */
export const bootstrapAliases = { if_name: 'device', fd: 'eid' } as const;

export type BootstrapArgs = ArgsOf<typeof bootstrapKeywords>;

/** Options whose key in irmd.conf is another word. */
const renamed: Readonly<Record<string, string>> = {
  device: 'dev',
  addr: 'addr_size',
  eid: 'eid_size',
  ttl: 'max_ttl',
  pff: 'routing',
};

/** Options that are about the command, not settings of the IPCP. */
const own = new Set(['type', 'layer', 'name', 'autobind', 'isolate', '--']);

/** Type → setting → anything: which settings a type has (lib/config's table of irmd.conf). */
export type SettingsTable = Readonly<Record<string, object>>;
export interface Settings {
  readonly config: BootstrapConfig;
  /** Options that were given and mean nothing for the type. */
  readonly ignored: readonly string[];
}

/**
 * What the arguments say about an IPCP of `type`. Settings that the type does not have are left out, as in the
 * prototype, but not silently. All are kept for a type that is not in the table: irmd knows better.
 */
export function settings(type: string, args: BootstrapArgs, table: SettingsTable): Settings {
  const has = (key: string) => !Object.hasOwn(table, type) || Object.hasOwn(table[type]!, key);
  const ignored: string[] = [];
  const config: Record<string, string | number | boolean> = {};
  for (const [word, value] of Object.entries(args)) {
    if (own.has(word) || value === undefined) continue;
    const key = renamed[word] ?? word;
    if (has(key)) config[key] = value as string | number;
    else ignored.push(word);
  }
  return { config, ignored };
}

/** What a type needs and does not get; `type` is known from the command line or from irmd. */
export function lacking(type: string, { ip, device }: BootstrapArgs): string | undefined {
  if (type.startsWith('udp') && ip === undefined) return `"ip" is missing, type ${type} needs it`;
  if ((type.startsWith('eth') || type === 'raptor') && device === undefined)
    return `"device" is missing, type ${type} needs it`;
  return undefined;
}

/** What can be said before the type of an IPCP that exists is known. */
export function checkBootstrap(args: BootstrapArgs): string | undefined {
  const { pff, routing, type } = args;
  if (pff !== undefined && routing !== undefined && pff !== routing)
    return `"pff" implies the routing policy ${pff}, but "routing" says ${routing}.`;
  const wanted = type === undefined ? undefined : lacking(type, args);
  return wanted === undefined ? undefined : `${wanted}.`;
}
