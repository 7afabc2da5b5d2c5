/**
 * IPCP types `eth-dix` and `eth-llc`: a layer on one Ethernet interface. Layers of eth-dix on one interface are told apart by their
 * ethertype; eth-llc has one layer an interface.
 */
import { z } from 'zod';
import { type Clock, type Logger, UsageError } from '#lib/core/index.ts';
import {
  type Guard,
  type IpcpDeps,
  type IpcpType,
  ipcpType,
  type Membership,
} from '#lib/ipcp-dev/index.ts';
import type { DirectoryHash } from '#lib/layer/index.ts';
import { defaultEthertype } from '#lib/wire/index.ts';
import { hashOption } from '../common/hash-option.ts';
import { AfPacketPort } from './af-packet-port.ts';
import { EthLayer } from './eth-layer.ts';
import { dixFilter, llcFilter } from './packet-filter.ts';
import type { PacketPort } from './packet-port.ts';
import { dixWire, type EthWire, llcWire } from './wire.ts';

/** ETH_P_802_2. */
const llcProtocol = 4;

/** Other words for the device: today's command line, 2018's, and the `if` of the talk. */
const device = z.string().min(1).max(15);
export const deviceOptions = {
  dev: device.optional(),
  if: device.optional(),
  if_name: device.optional(),
} as const;

export function deviceOf(options: {
  dev?: string | undefined;
  if?: string | undefined;
  if_name?: string | undefined;
}): string {
  const name = options.dev ?? options.if ?? options.if_name;
  if (name === undefined) throw new UsageError('Option dev is missing: the network interface');
  return name;
}

interface Plan {
  readonly layer: string;
  readonly hash: DirectoryHash;
  readonly wire: EthWire;
  openPort(clock: Pick<Clock, 'after'>): PacketPort;
}

/** Opens the port and becomes a member. */
export function joinOverPort(
  { clock, random, guard }: IpcpDeps,
  log: Logger,
  { layer, hash, wire, openPort }: Plan,
): Membership {
  const port = guardedPort(openPort(clock), guard);
  const member = new EthLayer({ clock, random, port, log }, { name: layer, hash, wire });
  return { layer: member, hash, mtu: member.mtu };
}

export const ethDixIpcp: IpcpType = ipcpType({
  type: 'eth-dix',
  splice: false,
  config: z.strictObject({
    ...deviceOptions,
    ethertype: z.int().min(0x0600).max(0xfffe).default(defaultEthertype),
    hash: hashOption.default('SHA3-256'),
  }),
  create: (deps) => ({
    async bootstrap(layer, { ethertype, hash, ...options }) {
      const log = deps.log('ipcpd/eth-dix');
      const device = deviceOf(options);
      log.info('Using raw socket device.');
      const openPort = (clock: Pick<Clock, 'after'>) =>
        new AfPacketPort({ clock }, { device, protocol: ethertype, filter: dixFilter });
      return joinOverPort(deps, log, { layer, hash, wire: dixWire(ethertype), openPort });
    },
  }),
});

export const ethLlcIpcp: IpcpType = ipcpType({
  type: 'eth-llc',
  splice: false,
  // docs/decisions/directory-hash-defaults.md
  config: z.strictObject({ ...deviceOptions, hash: hashOption.default('SHA3-224') }),
  create: (deps) => ({
    async bootstrap(layer, { hash, ...options }) {
      const log = deps.log('ipcpd/eth-llc');
      const device = deviceOf(options);
      log.info('Using raw socket device.');
      const openPort = (clock: Pick<Clock, 'after'>) =>
        new AfPacketPort({ clock }, { device, protocol: llcProtocol, filter: llcFilter });
      return joinOverPort(deps, log, { layer, hash, wire: llcWire(), openPort });
    },
  }),
});

/** What the layer throws when it is called from the wire fails this IPCP alone. */
function guardedPort(port: PacketPort, guard: Guard): PacketPort {
  const listen = port.listen.bind(port);
  port.listen = (events) =>
    listen({
      frame: guard(events.frame),
      writable: guard(events.writable),
      link: guard(events.link),
    });
  return port;
}
