import { describe, expect, it } from '@jest/globals';
import { PacketArena } from './packet-arena.ts';

describe('PacketArena', () => {
  it('gives copies that overlap neither each other nor their source', () => {
    const arena = new PacketArena();
    const source = new Uint8Array(20_000);
    const sizes = [0, 1, 64, 65, 1400, 8192, 8193, 10_000];
    const copies = Array.from({ length: 400 }, (_, i) => {
      const size = sizes[i % sizes.length]!;
      source.fill(i);
      return { i, size, packet: arena.copy(source, 7, size) };
    });
    source.fill(0xff);
    for (const { i, size, packet } of copies)
      expect([packet.length, packet.every((b) => b === (i & 0xff))]).toEqual([size, true]);
  });

  it('copies a Buffer, whose own slice would share memory', () => {
    const source = Buffer.from('shared');
    const copy = new PacketArena().copy(source, 0, 6);
    source.fill(0);
    expect(Buffer.from(copy).toString()).toBe('shared');
  });
});
