/**
 * What each IPCP type takes in irmd.conf and in `bootstrap_ipcp`. Keys are spelled with underscores after parsing;
 * values that are not given are left out, so the IPCP type's own default applies.
 */
import { z } from 'zod';

const text = z.string().min(1).max(255);
const whole = (low: number, high: number) => z.int().min(low).max(high);

/** One spelling for words that the prototype spells in several ways. */
function word<const T extends string>(words: Readonly<Record<string, T>>) {
  const allowed = [...new Set(Object.values(words))].join(', ');
  return z.string().transform((given, context): T => {
    const known = Object.hasOwn(words, given) ? words[given] : undefined;
    if (known !== undefined) return known;
    context.addIssue({ code: 'custom', message: `must be one of ${allowed}, not "${given}"` });
    return z.NEVER;
  });
}

const hash = z.string().transform((given, context) => {
  const name = given.toUpperCase().replaceAll('-', '_');
  if (/^SHA3_(224|256|384|512)$/.test(name)) return name;
  context.addIssue({
    code: 'custom',
    message: `must be one of SHA3_224, SHA3_256, SHA3_384, SHA3_512, not "${given}"`,
  });
  return z.NEVER;
});
const routing = word({
  'link-state': 'link-state',
  link_state: 'link-state',
  lfa: 'lfa',
  ecmp: 'ecmp',
});
const directory = word({ DHT: 'DHT', dht: 'DHT' });
const congestion = word({ 'mb-ecn': 'mb-ecn', none: 'none' });
const addrAuth = word({ flat: 'flat' });
const udp = {
  ip: text,
  port: whole(1, 65_535).optional(),
  dns: text.optional(),
  domain: text.optional(),
  /** Lists with commas: addresses of members of ours; `NAME=ADDRESS`. */
  peers: text.optional(),
  hosts: text.optional(),
  /** May programs send datagrams past the IPCPs? */
  shortcuts: word({ yes: 'yes', no: 'no' }).optional(),
};

/** Keys of a stanza that are settings of the IPCP itself. */
export const ipcpSettings = {
  local: { hash: hash.optional() },
  raptor: { dev: text, hash: hash.optional() },
  'eth-llc': { dev: text, hash: hash.optional() },
  'eth-dix': {
    dev: text,
    ethertype: whole(0x0600, 0xfffe).optional(),
    hash: hash.optional(),
  },
  udp4: udp,
  udp6: udp,
  broadcast: {},
  unicast: {
    addr_size: whole(1, 8).optional(),
    eid_size: whole(1, 8).optional(),
    max_ttl: whole(1, 255).optional(),
    addr_auth: addrAuth.optional(),
    routing: routing.optional(),
    ls_t_recalc: whole(1, 86_400).optional(),
    ls_t_update: whole(1, 86_400).optional(),
    ls_t_timeo: whole(1, 86_400).optional(),
    congestion: congestion.optional(),
    directory: directory.optional(),
    hash: hash.optional(),
    dht_alpha: whole(1, 10).optional(),
    dht_k: whole(1, 20).optional(),
    dht_t_expire: whole(10, 86_400).optional(),
    dht_t_refresh: whole(3, 3600).optional(),
    dht_t_replicate: whole(3, 3600).optional(),
  },
} as const satisfies Record<string, z.ZodRawShape>;

export type IpcpType = keyof typeof ipcpSettings;
export type IpcpSettings = Readonly<Record<string, string | number | boolean>>;

export const ipcpTypes = Object.keys(ipcpSettings) as IpcpType[];

/** Types whose IPCPs join a layer of others: they enrol, connect, and bind to names themselves. */
export function isMember(type: string): boolean {
  return type === 'unicast' || type === 'broadcast';
}

/** Other spellings of a key; all but the first are the prototype's own variants. */
export const keyAliases: Readonly<Record<string, string>> = {
  'addr-auth': 'addr_auth',
  dht_t_expiry: 'dht_t_expire',
  device: 'dev',
  enroll: 'enrol',
};
