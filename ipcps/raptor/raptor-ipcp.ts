/**
 * IPCP type `raptor`: a layer of two over a link without addresses. The device is a network interface with one other station, or the path
 * of a Unix socket.
 */
import { z } from 'zod';
import { type IpcpType, ipcpType } from '#lib/ipcp-dev/index.ts';
import { hashOption } from '../common/hash-option.ts';
import { AfPacketPort } from '../eth/af-packet-port.ts';
import { joinOverPort } from '../eth/join.ts';
import { dixFilter } from '../eth/packet-filter.ts';
import type { PacketPort, PortDeps } from '../eth/packet-port.ts';
import { EtherPort, raptorEthertype } from './ether-port.ts';
import { linkByPath } from './pipe-link.ts';
import { PipePort } from './pipe-port.ts';
import { raptorWire } from './raptor-wire.ts';

function openLink(deps: PortDeps, device: string): PacketPort {
  if (device.includes('/')) {
    const port = new PipePort(deps);
    linkByPath(deps, port, device);
    return port;
  }
  const config = { device, protocol: raptorEthertype, filter: dixFilter };
  return new EtherPort(new AfPacketPort(deps, config));
}

export const raptorIpcp: IpcpType = ipcpType({
  type: 'raptor',
  splice: false,
  config: z.strictObject({
    dev: z.string().min(1).max(107),
    hash: hashOption.default('SHA3-224'),
  }),
  create: (deps) => ({
    async bootstrap(layer, { dev, hash }) {
      const log = deps.log('ipcpd/raptor');
      const openPort = (port: PortDeps) => openLink(port, dev);
      return joinOverPort(deps, log, { layer, hash, wire: raptorWire, openPort });
    },
  }),
});
