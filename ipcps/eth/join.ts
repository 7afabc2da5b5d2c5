/** Makes a member of a layer on a port that it opens. */
import type { Logger } from '#lib/core/index.ts';
import type { IpcpDeps, Membership } from '#lib/ipcp-dev/index.ts';
import type { DirectoryHash } from '#lib/layer/index.ts';
import { EthLayer } from './eth-layer.ts';
import type { PacketPort, PortDeps } from './packet-port.ts';
import type { EthWire } from './wire.ts';

export interface JoinPlan {
  readonly layer: string;
  readonly hash: DirectoryHash;
  readonly wire: EthWire;
  openPort(deps: PortDeps): PacketPort;
}

/** Opens the port and becomes a member. */
export function joinOverPort(
  { clock, random, guard }: IpcpDeps,
  log: Logger,
  { layer, hash, wire, openPort }: JoinPlan,
): Membership {
  const port = openPort({ clock, guard });
  const member = new EthLayer({ clock, random, port, log }, { name: layer, hash, wire });
  member.announce();
  return { layer: member, hash, mtu: member.mtu, status: () => member.status() };
}
