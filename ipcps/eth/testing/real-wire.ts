/** Interfaces joined by a bridge of the kernel, for tests over AF_PACKET. Needs root and `ip` (Debian package iproute2). */
import { execFileSync } from 'node:child_process';

let serial = 0;

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Why there can be no such interfaces here, or undefined. */
export function cannotMakeWires(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root for network interfaces';
  try {
    const name = `ot${process.pid % 100_000}`;
    ip('link', 'add', name, 'type', 'veth', 'peer', 'name', `${name}p`);
    ip('link', 'del', name);
    return undefined;
  } catch {
    return 'needs ip link and veth (Debian package iproute2)';
  }
}

export interface RealWire {
  readonly devices: readonly string[];
  setUp(device: string, up: boolean): void;
  /** The interface vanishes. */
  remove(device: string): void;
  /** It is there again, with an address of its own unless one is given. */
  add(device: string, mac?: string): void;
  close(): void;
}

/** `count` interfaces that reach each other. */
export function makeWire(count: number, mtu = 1500): RealWire {
  const id = `o${(process.pid % 10_000).toString(36)}${(serial++).toString(36)}`;
  const bridge = `${id}br`;
  const devices = Array.from({ length: count }, (_, i) => `${id}d${i}`);
  ip('link', 'add', bridge, 'type', 'bridge');
  const close = () => {
    for (const device of devices) tryIp('link', 'del', device);
    tryIp('link', 'del', bridge);
  };
  const add = (device: string, mac?: string) => {
    const port = `${device}b`;
    const size = ['mtu', String(mtu)];
    const address = mac === undefined ? [] : ['address', mac];
    ip('link', 'add', device, ...address, ...size, 'type', 'veth', 'peer', 'name', port, ...size);
    ip('link', 'set', port, 'master', bridge, 'up');
    ip('link', 'set', device, 'up');
  };
  try {
    ip('link', 'set', bridge, 'mtu', String(mtu), 'up');
    for (const device of devices) add(device);
  } catch (error) {
    close();
    throw error;
  }
  return {
    devices,
    setUp: (device, up) => ip('link', 'set', device, up ? 'up' : 'down'),
    remove: (device) => ip('link', 'del', device),
    add,
    close,
  };
}

function tryIp(...args: string[]): void {
  try {
    ip(...args);
  } catch {
    // It has gone already.
  }
}
