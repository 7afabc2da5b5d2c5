/** Shortcuts over sockets of the kernel's, on the loopback interface. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { realClock } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import { addressText, parseIp, portOf, socketAddress } from '#lib/udp/index.ts';
import type { ShortcutFlow } from './shortcut-flow.ts';
import { SocketPort } from './socket-port.ts';
import { ShortcutWorld } from './testing/shortcut-world.ts';
import { Trains } from './trains.ts';

const worlds: ShortcutWorld[] = [];
const ports: SocketPort[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
  for (const port of ports.splice(0)) port.close();
});
const at = (ip: string) => socketAddress(parseIp(ip)!, 0);
const turn = () => new Promise<void>((done) => setImmediate(done));

function checked(flow: ShortcutFlow, count: number): { readonly done: boolean } {
  const state = { done: false };
  let next = 0;
  flow.onReadable(() => {
    flow.drain((memory, offset, length) => {
      const index = memory[offset]! + 256 * memory[offset + 1]!;
      if (index !== next || length !== 100 + (index % 3900)) throw new Error(`Packet ${index}`);
      for (let i = 2; i < length; i++)
        if (memory[offset + i] !== (index & 255)) throw new Error(`Byte ${i} of ${index}`);
      state.done = ++next === count;
      return true;
    });
  });
  return state;
}
function send(flow: ShortcutFlow, count: number): void {
  let next = 0;
  const step = () => {
    while (next < count) {
      const packet = new Uint8Array(100 + (next % 3900)).fill(next & 255);
      packet[0] = next;
      packet[1] = next >> 8;
      if (!flow.write(packet)) return;
      next++;
    }
  };
  flow.onWritable(step);
  step();
}

describe('a shortcut over sockets', () => {
  it.each([
    ['IPv4', '127.9.0.1', '127.9.0.2'],
    ['IPv6', '::1', '::1'],
  ])('carries packets of many lengths both ways, in order, over %s', async (_what, one, two) => {
    const world = new ShortcutWorld({
      ips: [one, two],
      open: (here) => new SocketPort({ clock: realClock }, here),
    });
    worlds.push(world);
    const { flows } = world;
    await world.warmUp();
    while (flows.some((flow) => flow.shortcut !== 'open')) await turn();
    const before = world.rings.map((ring) => ring.stats.packetsOut);
    const [atB, atA] = [checked(flows[1], 5000), checked(flows[0], 5000)];
    send(flows[0], 5000);
    send(flows[1], 5000);
    while (!atA.done || !atB.done) await turn();
    expect(world.rings.map((ring) => ring.stats.packetsOut)).toEqual(before);
  });
});

describe('a socket for a shortcut', () => {
  it('is at the address that it was told, on a port of its own', () => {
    const [one, two] = [at('127.9.0.1'), at('127.9.0.1')].map((here) => {
      const port = new SocketPort({ clock: realClock }, here);
      ports.push(port);
      return port;
    });
    expect(addressText(one!.address)).toMatch(/^127\.9\.0\.1:\d+$/);
    expect(portOf(one!.address)).not.toBe(portOf(two!.address));
    expect(one!.bufferBytes).toBeGreaterThan(100_000);
    expect(one!.receive(new Trains())).toBeLessThanOrEqual(0);
  });

  it('cannot be on another host’s address', () => {
    expect(() => new SocketPort({ clock: realClock }, at('192.0.2.1'))).toThrow(
      expect.objectContaining({ code: 'EADDRNOTAVAIL' }),
    );
  });

  it('is closed when it cannot be watched', () => {
    let closed = 0;
    const verbs = {
      ...os,
      watch: () => -22,
      close: (fd: number) => {
        closed++;
        return os.close(fd);
      },
    } as unknown as typeof os;
    expect(() => new SocketPort({ clock: realClock, os: verbs }, at('127.9.0.1'))).toThrow();
    expect(closed).toBe(1);
  });
});
