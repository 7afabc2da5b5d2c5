/**
 * IPCP types `eth-dix` and `eth-llc`: a layer on one Ethernet interface. Layers of eth-dix on one interface are told apart by their
 * ethertype; eth-llc has one layer an interface.
 */
import { z } from 'zod';
import { UsageError } from '#lib/core/index.ts';
import { type IpcpType, ipcpType } from '#lib/ipcp-dev/index.ts';
import { defaultEthertype } from '#lib/wire/index.ts';
import { hashOption } from '../common/hash-option.ts';
import { AfPacketPort } from './af-packet-port.ts';
import { joinOverPort } from './join.ts';
import { dixFilter, llcFilter } from './packet-filter.ts';
import type { PortDeps } from './packet-port.ts';
import { dixWire, llcWire } from './wire.ts';

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
      const openPort = (port: PortDeps) =>
        new AfPacketPort(port, { device, protocol: ethertype, filter: dixFilter });
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
      const openPort = (port: PortDeps) =>
        new AfPacketPort(port, { device, protocol: llcProtocol, filter: llcFilter });
      return joinOverPort(deps, log, { layer, hash, wire: llcWire(), openPort });
    },
  }),
});
