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
  try {
    ip('link', 'set', bridge, 'mtu', String(mtu), 'up');
    for (const device of devices) {
      const port = `${device}b`;
      ip(
        'link',
        'add',
        device,
        'mtu',
        String(mtu),
        'type',
        'veth',
        'peer',
        'name',
        port,
        'mtu',
        String(mtu),
      );
      ip('link', 'set', port, 'master', bridge, 'up');
      ip('link', 'set', device, 'up');
    }
  } catch (error) {
    close();
    throw error;
  }
  return { devices, setUp: (device, up) => ip('link', 'set', device, up ? 'up' : 'down'), close };
}

function tryIp(...args: string[]): void {
  try {
    ip(...args);
  } catch {
    // It has gone already.
  }
}
