import { afterEach, describe, expect, it } from '@jest/globals';
import type { ShortcutOffer } from '#lib/layer/index.ts';
import { RingPair } from './ring-pair.ts';

const pairs: RingPair[] = [];
afterEach(() => {
  for (const pair of pairs.splice(0)) pair.dealloc();
});
function make(): RingPair {
  const pair = new RingPair({ ringBytes: 4096 });
  pairs.push(pair);
  return pair;
}
const address = (fill: number) => new Uint8Array(28).fill(fill);
const turn = () => new Promise<void>((done) => setImmediate(done));

describe('what the ends of a ring say about a shortcut', () => {
  it('is nothing at first', () => {
    const { a, b } = make();
    expect([a.shortcutHere, b.shortcutHere]).toEqual([undefined, undefined]);
  });

  it('is read by the other end', async () => {
    const { a, b } = make();
    b.allowShortcut(address(7));
    expect(a.shortcutHere).toEqual(address(7));
    expect(b.shortcutHere).toBeUndefined();
    const heard: ShortcutOffer[] = [];
    b.onOffer((offer) => heard.push(offer));
    a.offerShortcut({ address: address(9).subarray(0, 16), token: 65_535 });
    while (heard.length === 0) await turn();
    const padded = address(0);
    padded.fill(9, 0, 16);
    expect(heard).toEqual([{ address: padded, token: 65_535 }]);
    // Said again, it is heard again.
    a.offerShortcut({ address: address(8), token: 1 });
    while (heard.length === 1) await turn();
    expect(heard[1]).toEqual({ address: address(8), token: 1 });
  });

  it('ends with the flow', async () => {
    const { a, b } = make();
    let heard = 0;
    b.onOffer(() => heard++);
    a.offerShortcut({ address: address(1), token: 5 });
    a.dealloc();
    a.allowShortcut(address(1));
    a.offerShortcut({ address: address(1), token: 5 });
    expect(a.shortcutHere).toBeUndefined();
    while (!b.ended) await turn();
    b.offerShortcut({ address: address(1), token: 5 });
    expect(heard).toBe(0);
  });

  it.each([0, -1, 0x1_0000])('with token %d is nothing', async (token) => {
    const { a, b } = make();
    let heard = 0;
    let events = 0;
    b.onOffer(() => heard++);
    b.onEvent(() => events++);
    a.offerShortcut({ address: address(1), token });
    while (events === 0) await turn();
    expect(heard).toBe(0);
  });
});
