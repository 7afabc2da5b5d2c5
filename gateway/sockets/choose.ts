/** Which socket of which program takes a request that arrives for a name. */
import { type Ip, isLoopback } from '../addr/ip.ts';
import type { Protocol } from '../rules/rule.ts';
import { covers, type Endpoint } from './endpoint.ts';
import type { PortTable } from './port-table.ts';

export interface Wanted {
  readonly protocol: Protocol;
  /** 0: the default one. */
  readonly port: number;
  /** Where it comes from, when that is known here. */
  readonly source?: { readonly ip: Ip; readonly port: number } | undefined;
}

/** A request of this same host to its own addresses: bind rules decide, as they do in the kernel. */
export function chooseByAddress(
  ports: PortTable,
  wanted: Wanted,
  ip: Ip,
  mine: (e: Endpoint) => boolean = () => true,
): Endpoint | undefined {
  return ports.lookup(wanted.protocol, ip, wanted.port, mine, wanted.source);
}

/** A request of another node to this one's name. What is bound to loopback is meant for this host alone. */
export function chooseForNode(ports: PortTable, wanted: Wanted): Endpoint | undefined {
  return first(ports, wanted, (e) => !isLoopback(e.ip));
}

/**
 * A request for a service's name: a socket of the process that irmd picked, whatever address it is bound to; else one of
 * another process that serves the name, when only that one has the wanted port.
 */
export function chooseForName(
  ports: PortTable,
  wanted: Wanted,
  pid: number,
  serves: (e: Endpoint) => boolean,
): Endpoint | undefined {
  return first(ports, wanted, (e) => e.pid === pid) ?? first(ports, wanted, serves);
}

/** True when both ends can be spelled in one connection name: the server sees addresses of its own family. */
export function sameView(endpoint: Endpoint, dialled: Ip): boolean {
  return covers(endpoint, dialled);
}

function first(
  ports: PortTable,
  wanted: Wanted,
  accept: (e: Endpoint) => boolean,
): Endpoint | undefined {
  const usable = (e: Endpoint) =>
    e.protocol === wanted.protocol &&
    !e.blackhole &&
    e.peer === undefined &&
    (e.protocol === 'udp' || e.listening) &&
    accept(e);
  if (wanted.port !== 0) {
    const found = ports.onPort(wanted.protocol, wanted.port).filter(usable);
    return found.length < 2 ? found[0] : ports.turn(found);
  }
  for (const e of ports.endpoints()) if (usable(e)) return e;
  return undefined;
}
