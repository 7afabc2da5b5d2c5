/**
 * Which ports the kernel's own sockets listen on, by /proc/net: what nobody here serves may be served there (a resolver on
 * 127.0.0.53). Read when asked: only for destinations on this host that no program of ours has bound.
 */
import { readFileSync } from 'node:fs';
import { ANY4, ANY6, type Ip, isV4 } from './ip.ts';

const LISTEN = '0A';

export class InetListeners {
  readonly #read: (name: string) => string;

  constructor(deps: { read?: (name: string) => string } = {}) {
    this.#read = deps.read ?? ((name) => readFileSync(`/proc/net/${name}`, 'latin1'));
  }

  /** True when a real socket takes what is sent to the address and port. */
  has(protocol: 'tcp' | 'udp', ip: Ip, port: number): boolean {
    const v4 = isV4(ip);
    const found = (name: string, any: Ip) =>
      this.#listening(name, protocol).some((e) => e.port === port && (e.ip === ip || e.ip === any));
    // An IPv6 socket bound to any address takes IPv4 as well, unless it was told not to.
    return (v4 && found(protocol, ANY4)) || found(`${protocol}6`, ANY6);
  }

  #listening(name: string, protocol: 'tcp' | 'udp'): { ip: Ip; port: number }[] {
    const out: { ip: Ip; port: number }[] = [];
    for (const line of this.#lines(name)) {
      const [, local = '', remote = '', state] = line.trim().split(/\s+/);
      const unconnected = protocol === 'tcp' ? state === LISTEN : remote.endsWith(':0000');
      const [address = '', port = ''] = local.split(':');
      if (unconnected && address !== '')
        out.push({ ip: fromProc(address), port: Number.parseInt(port, 16) });
    }
    return out;
  }

  #lines(name: string): string[] {
    try {
      return this.#read(name).split('\n').slice(1);
    } catch {
      return []; // a kernel without IPv6
    }
  }
}

/** Words of 32 bits, each in the byte order of a little-endian machine. */
function fromProc(hex: string): Ip {
  let ip = '';
  for (let at = 0; at < hex.length; at += 8)
    for (let byte = 6; byte >= 0; byte -= 2) ip += hex.slice(at + byte, at + byte + 2);
  ip = ip.toLowerCase();
  return ip.length === 8 ? ANY4.slice(0, 24) + ip : ip;
}
