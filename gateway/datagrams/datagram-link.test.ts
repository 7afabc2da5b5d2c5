import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DatagramFrame, FRAME_HEADER, putFrameHeader } from '../sof/frames.ts';
import { ringEnds, turns } from '../testing/ring-end.ts';
import { DatagramLink } from './datagram-link.ts';

function link(flow: ReturnType<typeof ringEnds>[0], framed = true) {
  const got: Buffer[] = [];
  const errors: number[] = [];
  const state = { gone: false };
  const made = new DatagramLink(
    {
      flow,
      deliver: (p) => void got.push(Buffer.from(p)),
      error: (e) => void errors.push(e),
      gone: () => {
        state.gone = true;
      },
    },
    { framed },
  );
  return { link: made, got, errors, state };
}

describe('DatagramLink', () => {
  it('keeps every datagram whole, from empty to the largest', async () => {
    const [a, b] = ringEnds({ ringBytes: 1 << 20, mtu: 1400 });
    const tx = link(a);
    const rx = link(b);
    const sizes = [0, 1, 1396, 1397, 9000, 65_507];
    for (const size of sizes) tx.link.send(Buffer.alloc(size, size & 255), 0, size);
    tx.link.flush();
    await turns(() => rx.got.length === sizes.length, 'all of them');
    expect(rx.got.map((p) => p.length)).toEqual(sizes);
    expect(rx.got.every((p, i) => p.every((byte) => byte === (sizes[i]! & 255)))).toBe(true);
    tx.link.sendError(111);
    await turns(() => rx.errors.length === 1, 'the error');
    expect(rx.errors).toEqual([111]);
    tx.link.close();
    await turns(() => rx.state.gone, 'the end');
  });

  it('drops and counts what does not fit', () => {
    const [a, b] = ringEnds({ ringBytes: 4096, mtu: 1000 });
    const tx = link(a);
    for (let i = 0; i < 10; i++) tx.link.send(Buffer.alloc(900), 0, 900);
    expect(tx.link.dropped).toBeGreaterThan(0);
    tx.link.close();
    b.dealloc();
  });

  it('carries bare payloads for raw peers', async () => {
    const [a, b] = ringEnds();
    const tx = link(a, false);
    tx.link.send(Buffer.from('raw'), 0, 3);
    tx.link.flush();
    let seen = '';
    await turns(() => {
      const packet = b.ring.read();
      if (packet !== undefined) seen = Buffer.from(packet).toString();
      return seen !== '';
    }, 'the packet');
    expect(seen).toBe('raw');
    b.ring.write(Buffer.from('back'));
    await turns(() => tx.got.length === 1, 'the answer');
    expect(tx.got[0]?.toString()).toBe('back');
    b.dealloc();
    await turns(() => tx.state.gone, 'the end');
  });

  it('survives any frames', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.integer({ min: 15, max: 19 }),
            fc.integer({ min: 0, max: 255 }),
            fc.integer({ min: 0, max: 3 }),
            fc.uint8Array({ maxLength: 40 }),
          ),
          { maxLength: 30 },
        ),
        async (frames) => {
          const [a, b] = ringEnds();
          const rx = link(b);
          for (const [type, flags, arg, payload] of frames) {
            const bytes = new Uint8Array(FRAME_HEADER + payload.length);
            putFrameHeader(bytes, 0, type, flags, arg);
            bytes.set(payload, FRAME_HEADER);
            a.ring.write(bytes);
          }
          const last = new Uint8Array(FRAME_HEADER + 3);
          putFrameHeader(last, 0, DatagramFrame.WHOLE);
          last.set(Buffer.from('end'), FRAME_HEADER);
          a.ring.write(last);
          await turns(() => rx.got.at(-1)?.toString() === 'end', 'the last one');
          rx.link.close();
          a.dealloc();
        },
      ),
      { seed: 6, numRuns: 60 },
    );
  });
});
