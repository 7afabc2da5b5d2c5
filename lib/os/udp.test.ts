import { afterEach, describe, expect, it } from '@jest/globals';
import { os } from './native.ts';

const EAGAIN = -11;
const slot = 65_536;
const sockets: number[] = [];
afterEach(() => {
  for (const fd of sockets.splice(0)) os.close(fd);
});

/** sockaddr_in of 127.0.0.1, port 0. */
function loopback(): Uint8Array {
  const address = new Uint8Array(16);
  new Uint16Array(address.buffer)[0] = 2;
  address.set([127, 0, 0, 1], 4);
  return address;
}

function open(address = loopback()): { fd: number; name: Uint8Array } {
  const fd = os.udpOpen(address, 1 << 20);
  expect(fd).toBeGreaterThanOrEqual(0);
  sockets.push(fd);
  return { fd, name: os.udpName(fd) as Uint8Array };
}

function slots(...names: Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(28 * names.length);
  for (const [i, name] of names.entries()) bytes.set(name, 28 * i);
  return bytes;
}

/** Everything that waits: each train as the sizes of its datagrams, and all bytes. */
function receive(fd: number) {
  const slab = new Uint8Array(8 * slot);
  const [lens, segments] = [new Int32Array(8), new Int32Array(8)];
  const from = new Uint8Array(8 * 28);
  const trains: number[][] = [];
  const bytes: number[] = [];
  for (;;) {
    const got = os.udpRecv(fd, slab, slot, lens, segments, from, 8);
    if (got === EAGAIN) return { trains, bytes, from };
    for (let i = 0; i < got; i++) {
      const size = segments[i] || lens[i]!;
      const train = [];
      for (let left = lens[i]!; left > 0; left -= size) train.push(Math.min(left, size));
      trains.push(train);
      bytes.push(...slab.subarray(i * slot, i * slot + lens[i]!));
    }
  }
}

const ints = (...values: number[]) => Int32Array.from(values);

describe('UDP trains', () => {
  it('arrive with the boundaries and the source that they left with', () => {
    const [a, b] = [open(), open()];
    const slab = Uint8Array.from({ length: 5000 }, (_, i) => i * 7);
    const to = slots(b.name, b.name, b.name);
    const sent = os.udpSend(
      a.fd,
      slab,
      ints(0, 2300, 2400),
      ints(2300, 100, 600),
      ints(500, 0, 600),
      to,
      0,
      3,
    );
    expect(sent).toBe(3);
    const { trains, bytes, from } = receive(b.fd);
    expect(trains.flat()).toEqual([500, 500, 500, 500, 300, 100, 600]);
    expect(bytes).toEqual([...slab.subarray(0, 3000)]);
    expect(from.slice(0, 16)).toEqual(a.name);
  });

  it('may be sent from any index, and are refused one by one', () => {
    const [a, b] = [open(), open()];
    const slab = new Uint8Array(65_000);
    const to = slots(b.name, b.name);
    // Datagrams of a train may not be longer than the path takes whole.
    expect(os.udpSend(a.fd, slab, ints(9, 0), ints(9, 3), ints(0, 0), to, 1, 1)).toBe(1);
    expect(receive(b.fd).trains).toEqual([[3]]);
    expect(os.udpSend(a.fd, slab, ints(0), ints(65_000), ints(0), to, 0, 1)).toBe(1);
    expect(receive(b.fd).trains).toEqual([[65_000]]);
    expect(os.udpSend(a.fd, slab, ints(0), ints(65_000), ints(1), to, 0, 1)).toBeLessThan(0);
  });

  it('leave from where their datagrams lie, with one header', () => {
    const [a, b] = [open(), open()];
    const body = new Uint8Array(600).map((_, i) => i);
    const head = Uint8Array.of(7, 8);
    const [offs, lens] = [ints(100, 0, 300), ints(9, 50, 20)];
    expect(os.udpGather(a.fd, b.name, head, body, offs, lens, 1, 2)).toBe(74);
    const { trains, bytes } = receive(b.fd);
    expect(trains.flat()).toEqual([52, 22]);
    expect(bytes).toEqual([...head, ...body.slice(0, 50), ...head, ...body.slice(300, 320)]);
    expect(() => os.udpGather(a.fd, b.name, head, body, ints(599), ints(2), 0, 1)).toThrow(
      'outside',
    );
  });

  it('carry empty datagrams, and cut what is longer than a slot', () => {
    const [a, b] = [open(), open()];
    const to = slots(b.name, b.name);
    expect(
      os.udpSend(a.fd, new Uint8Array(64), ints(0, 0), ints(0, 64), ints(0, 0), to, 0, 2),
    ).toBe(2);
    const [lens, segments] = [new Int32Array(2), new Int32Array(2)];
    expect(os.udpRecv(b.fd, new Uint8Array(64), 32, lens, segments, new Uint8Array(56), 2)).toBe(2);
    expect([...lens]).toEqual([0, -64]);
  });

  it('say who has an address already, and whose it is not', () => {
    const { name } = open();
    expect(os.udpOpen(name, 4096)).toBe(-98);
    const foreign = loopback();
    foreign.set([192, 0, 2, 1], 4);
    expect(os.udpOpen(foreign, 4096)).toBe(-99);
  });

  it('throw when called wrongly', () => {
    const { fd, name } = open();
    const slab = new Uint8Array(8);
    const one = ints(1);
    expect(() => os.udpOpen(new Uint8Array(3), 0)).toThrow('address');
    expect(() => os.udpSend(fd, slab, ints(8), one, one, slots(name), 0, 1)).toThrow('outside');
    expect(() => os.udpSend(fd, slab, one, one, one, name, 0, 1)).toThrow('too small');
    expect(() => os.udpSend(fd, slab, one, one, one, slots(new Uint8Array(0)), 0, 1)).toThrow(
      'address',
    );
    expect(() => os.udpRecv(fd, slab, 5, ints(0, 0), ints(0, 0), new Uint8Array(56), 2)).toThrow(
      'too small',
    );
  });
});
