import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { makePlaces } from '#lib/layer/index.ts';
import {
  controlStartWord,
  controlWord,
  dataStart,
  largestMtu,
  mappingBytes,
  minRingBytes,
  recordBytes,
  skipLen,
} from './layout.ts';
import { RingReader } from './ring-reader.ts';
import { RingWriter } from './ring-writer.ts';

const places = makePlaces(6);
const geometry = { ringBytes: minRingBytes, mtu: largestMtu(minRingBytes) };

function makeRing() {
  const buffer = new ArrayBuffer(mappingBytes(geometry.ringBytes));
  const bytes = new Uint8Array(buffer);
  const words = new Int32Array(buffer);
  return {
    bytes,
    words,
    writer: new RingWriter(bytes, words, geometry, 0),
    reader: new RingReader(bytes, words, geometry, 0),
  };
}

function put(ring: ReturnType<typeof makeRing>, packet: Uint8Array): boolean {
  const off = ring.writer.reserve(packet.length);
  if (off < 0) return false;
  ring.bytes.set(packet, off);
  ring.writer.commit(packet.length);
  return true;
}

function take(ring: ReturnType<typeof makeRing>): Uint8Array | undefined {
  if (!ring.reader.peek()) return undefined;
  const { offset, length } = ring.reader;
  const out = ring.bytes.slice(offset, offset + length);
  ring.reader.consume();
  return out;
}

const head = controlStartWord(0) + controlWord.head;
const tail = controlStartWord(0) + controlWord.tail;
const data = dataStart(0, geometry.ringBytes) / 4;

describe('a ring', () => {
  test('carries what a queue carries, over many laps and when full', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.record({ op: fc.constant('put' as const), len: fc.integer({ min: 1, max: 2040 }) }),
            fc.record({ op: fc.constant('put' as const), len: fc.integer({ min: 1, max: 40 }) }),
            fc.record({ op: fc.constant('run' as const), len: fc.integer({ min: 0, max: 700 }) }),
            fc.record({
              op: fc.constant('takeMany' as const),
              len: fc.integer({ min: 0, max: 9 }),
            }),
            fc.record({ op: fc.constant('publish' as const), len: fc.constant(0) }),
            fc.record({ op: fc.constant('take' as const), len: fc.integer({ min: 1, max: 9 }) }),
            fc.record({ op: fc.constant('release' as const), len: fc.constant(0) }),
          ),
          { maxLength: 300 },
        ),
        (ops) => {
          const ring = makeRing();
          const queued: Uint8Array[] = [];
          let published = 0;
          let seed = 0;
          for (const { op, len } of ops) {
            if (op === 'put') {
              const packet = new Uint8Array(len).fill(++seed);
              if (put(ring, packet)) queued.push(packet);
              else
                expect(queued.length === 0 && published === 0 && ring.writer.used === 0).toBe(
                  false,
                );
            } else if (op === 'run') {
              const fit = ring.writer.reserveRun(len, 5);
              for (let i = 0; i < fit; i++) {
                const at = ring.writer.runStart + i * recordBytes(len);
                const packet = new Uint8Array(len).fill(++seed);
                ring.bytes.set(packet, at);
                if (len > 0) queued.push(packet);
              }
              if (fit > 0) ring.writer.commitRun(len, fit);
            } else if (op === 'takeMany') {
              const found = ring.reader.peek() ? ring.reader.peekMany(places) : 0;
              const count = Math.min(found, len);
              for (let i = 0; i < count; i++) {
                const [at, length] = [places.offsets[i]!, places.lengths[i]!];
                expect(ring.bytes.slice(at, at + length)).toEqual(queued.shift());
                published--;
                if (i === count - 1) ring.reader.consumeTo(at, length);
              }
            } else if (op === 'publish') {
              ring.writer.publish();
              published = queued.length;
            } else if (op === 'take') {
              for (let i = 0; i < len; i++) {
                const got = take(ring);
                if (got === undefined) {
                  expect(published).toBe(0);
                  break;
                }
                expect(got).toEqual(queued.shift());
                published--;
              }
            } else ring.reader.release();
          }
          expect(ring.reader.fault ?? ring.writer.fault).toBeUndefined();
        },
      ),
      { seed: 7, numRuns: 200 },
    );
  });

  test('goes on when its counters pass 2^32', () => {
    const ring = makeRing();
    const packet = new Uint8Array(2040).fill(3);
    // 2^21 laps of half a ring each; published rarely to keep it quick.
    for (let i = 0; i < 2 ** 21 + 10; i++) {
      ring.writer.reserve(2040);
      ring.writer.commit(2040);
      ring.writer.publish();
      if (!ring.reader.peek()) break;
      ring.reader.consume();
      ring.reader.release();
    }
    expect(Atomics.load(ring.words, head) >>> 0).toBe(10 * 2048);
    expect(put(ring, packet)).toBe(true);
    ring.writer.publish();
    expect(take(ring)).toEqual(packet);
  });

  test('a record without room leaves the ring as it was', () => {
    const ring = makeRing();
    expect(put(ring, new Uint8Array(2040))).toBe(true);
    expect(put(ring, new Uint8Array(2030))).toBe(true);
    expect(put(ring, new Uint8Array(2))).toBe(false);
    ring.writer.publish();
    expect(take(ring)?.length).toBe(2040);
    expect(put(ring, new Uint8Array(2))).toBe(false);
    ring.reader.release();
    expect(put(ring, new Uint8Array(2))).toBe(true);
  });

  test('rings once for a sleeping reader, and for a waiting writer at half or empty', () => {
    const ring = makeRing();
    expect(ring.reader.sleep()).toBe(true);
    put(ring, new Uint8Array(8));
    expect(ring.writer.publish()).toBe(true);
    expect(ring.writer.publish()).toBe(false);
    expect(ring.reader.sleep()).toBe(false);
    while (put(ring, new Uint8Array(504)));
    ring.writer.publish();
    expect(ring.writer.sleep(504)).toBe(true);
    const rung: number[] = [];
    while (take(ring) !== undefined) if (ring.reader.release()) rung.push(ring.reader.used);
    expect(rung).toHaveLength(1);
    expect(rung[0]).toBeLessThanOrEqual(geometry.ringBytes / 2);
    expect(ring.writer.sleep(504)).toBe(false);
  });

  test('keepalives are heard and not read', () => {
    const ring = makeRing();
    put(ring, new Uint8Array(0));
    put(ring, new Uint8Array([1]));
    put(ring, new Uint8Array(0));
    ring.writer.publish();
    expect(take(ring)).toEqual(new Uint8Array([1]));
    expect(take(ring)).toBeUndefined();
    expect(ring.reader.keepalives).toBe(2);
    expect(ring.reader.used).toBe(0);
  });
});

describe('a reader does not believe', () => {
  test.each([
    ['a head beyond the ring', (w: Int32Array) => w.fill(geometry.ringBytes + 8, head, head + 1)],
    ['a head that goes back', (w: Int32Array) => w.fill(-8, head, head + 1)],
    ['a crooked head', (w: Int32Array) => w.fill(12, head, head + 1)],
    ['a length above the MTU', (w: Int32Array) => w.fill(geometry.mtu + 1, data, data + 1)],
    ['a length beyond what is published', (w: Int32Array) => w.fill(9, data, data + 1)],
    ['a negative length', (w: Int32Array) => w.fill(-2, data, data + 1)],
    ['a filler of a whole ring', (w: Int32Array) => w.fill(skipLen, data, data + 1)],
  ])('%s', (_, forge) => {
    const ring = makeRing();
    put(ring, new Uint8Array(8));
    ring.writer.publish();
    forge(ring.words);
    expect(take(ring)).toBeUndefined();
    expect(ring.reader.fault).toBeDefined();
    expect(take(ring)).toBeUndefined();
    expect(ring.reader.used).toBe(0);
  });

  test('whatever is scribbled, records stay inside the ring and the loop ends', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 64, maxLength: 512 }),
        fc.array(fc.integer(), { minLength: 1, maxLength: 20 }),
        fc.nat(geometry.ringBytes),
        (noise, heads, at) => {
          const ring = makeRing();
          for (let i = 0; i < geometry.ringBytes; i++) {
            ring.bytes[dataStart(0, geometry.ringBytes) + i] = noise[(i + at) % noise.length]! & 7;
          }
          for (const h of heads) {
            Atomics.store(ring.words, head, h & ~7 & 0x1fff);
            for (let n = 0; ring.reader.peek(); n++) {
              expect(n).toBeLessThan(geometry.ringBytes / 8 + 1);
              expect(ring.reader.offset).toBeGreaterThanOrEqual(dataStart(0, geometry.ringBytes));
              expect(ring.reader.offset + ring.reader.length).toBeLessThanOrEqual(
                dataStart(1, geometry.ringBytes),
              );
              ring.reader.consume();
            }
            ring.reader.release();
          }
        },
      ),
      { seed: 11, numRuns: 200 },
    );
  });
});

describe('a writer does not believe', () => {
  test.each([
    ['a tail beyond the head', 4096],
    ['a tail that goes back', -8],
    ['a crooked tail', 4],
  ])('%s', (_, value) => {
    const ring = makeRing();
    put(ring, new Uint8Array(2040));
    put(ring, new Uint8Array(1000));
    ring.writer.publish();
    Atomics.store(ring.words, tail, value);
    expect(put(ring, new Uint8Array(2040))).toBe(false);
    expect(ring.writer.fault).toBeDefined();
    expect(put(ring, new Uint8Array(1))).toBe(false);
  });
});

test('record sizes', () => {
  expect([0, 1, 8, 9].map(recordBytes)).toEqual([8, 16, 16, 24]);
});
