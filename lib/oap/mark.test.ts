import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { toHex } from '#lib/core/index.ts';
import { nodeOapDeps } from './deps.ts';
import { KnownPeers } from './known-peers.ts';
import { MarkTag, makeMark, markBytes, readMark } from './mark.ts';

const { hash } = nodeOapDeps;
const id = Uint8Array.from({ length: 16 }, (_, i) => i);
const marked = { tag: MarkTag.request, id, timestamp: 0x18ea4f5c3a6e7d34n };

describe('marks', () => {
  it('are as docs/wire/extensions.md has them', () => {
    expect(toHex(makeMark(hash, marked, 0))).toBe('efd049baba47b3cc');
    expect(toHex(makeMark(hash, marked, 0x8001))).toBe('efd049baba4733cd');
    expect(toHex(makeMark(hash, { ...marked, tag: MarkTag.response }, 0))).toBe('d0f976dae05fa0f3');
  });

  it('carry features', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (features, timestamp) => {
          const mark = makeMark(hash, { ...marked, timestamp }, features);
          expect(mark).toHaveLength(markBytes);
          expect(readMark(hash, { ...marked, timestamp }, mark)).toBe(features);
        },
      ),
      { seed: 1 },
    );
  });

  it('are nobody else’s', () => {
    const mark = makeMark(hash, marked, 1);
    const other = Uint8Array.from(id, (byte, i) => (i === 7 ? 99 : byte));
    expect(readMark(hash, { ...marked, id: other }, mark)).toBeUndefined();
    expect(readMark(hash, { ...marked, tag: MarkTag.response }, mark)).toBeUndefined();
    expect(readMark(hash, { ...marked, timestamp: 1n }, mark)).toBeUndefined();
    expect(readMark(hash, marked, mark.subarray(1))).toBeUndefined();
    for (let i = 0; i < 6; i++) {
      const bad = mark.slice();
      bad[i]! ^= 0x10;
      expect(readMark(hash, marked, bad)).toBeUndefined();
    }
  });
});

describe('KnownPeers', () => {
  it('remembers for a time, forgets when told, and keeps to its bound', () => {
    const peers = new KnownPeers({ max: 2, keep: 100 });
    peers.learn('a', 1, 0);
    peers.learn('b', 2, 1);
    expect([peers.features('a', 99), peers.features('a', 100)]).toEqual([1, undefined]);
    peers.learn('a', 5, 50);
    peers.learn('c', 3, 60);
    expect(['a', 'b', 'c'].map((peer) => peers.features(peer, 70))).toEqual([5, undefined, 3]);
    peers.learn('a', undefined, 80);
    expect(peers.features('a', 80)).toBeUndefined();
  });
});
