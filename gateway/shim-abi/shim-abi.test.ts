import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseIp } from '../addr/ip.ts';
import { renderHeader } from './c-header.ts';
import { decodeRequest, encodeReply, REPLY_BYTES, REQUEST_BYTES } from './codec.ts';
import { ABI_VERSION, Action, MAGIC_REP, MAGIC_REQ, offsetOf, REP, REQ } from './layout.ts';

/** A CONNECT of 10.0.0.1:80 as the shim sends it. */
function request(): Buffer {
  const b = Buffer.alloc(REQUEST_BYTES);
  const at = (name: string) => offsetOf(REQ, name);
  b.writeUInt32LE(MAGIC_REQ, 0);
  b.writeUInt16LE(ABI_VERSION, at('version'));
  b.writeUInt16LE(4, at('op'));
  b.writeUInt32LE(7, at('run'));
  b.writeUInt32LE(123_456, at('ino'));
  b.write(parseIp('10.0.0.1') ?? '', at('addr'), 'hex');
  b.writeUInt16LE(80, at('port'));
  b[at('family')] = 4;
  b[at('type')] = 1;
  b.writeUInt32LE(8, at('flags'));
  b.write('hello', at('text'));
  return b;
}

describe('the shim ABI', () => {
  it('is what shim/include/ouro_abi.h says', () => {
    const header = readFileSync(new URL('../../shim/include/ouro_abi.h', import.meta.url), 'utf8');
    expect(renderHeader()).toBe(header);
  });

  it('reads a request', () => {
    expect(decodeRequest(request(), REQUEST_BYTES)).toEqual({
      op: 4,
      run: 7,
      ino: 123_456,
      ip: parseIp('10.0.0.1'),
      scope: 0,
      port: 80,
      family: 4,
      type: 1,
      flags: 8,
      arg: 0,
      text: 'hello',
    });
  });

  it('refuses what is cut, too long, of another version, or not terminated', () => {
    const good = request();
    expect(decodeRequest(good, REQUEST_BYTES - 1)).toBeUndefined();
    expect(
      decodeRequest(Buffer.concat([good, Buffer.alloc(1)]), REQUEST_BYTES + 1),
    ).toBeUndefined();
    for (const [field, value] of [
      ['magic', 0],
      ['version', 9],
      ['family', 5],
    ] as const) {
      const bad = request();
      bad[offsetOf(REQ, field)] = value;
      expect(decodeRequest(bad, REQUEST_BYTES)).toBeUndefined();
    }
    const long = request().fill(0x61, offsetOf(REQ, 'text'));
    expect(decodeRequest(long, REQUEST_BYTES)).toBeUndefined();
  });

  it('never throws on garbage', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: REQUEST_BYTES, maxLength: REQUEST_BYTES }),
        (bytes) => {
          const b = Buffer.from(bytes);
          b.writeUInt32LE(MAGIC_REQ, 0);
          decodeRequest(b, b.length);
        },
      ),
      { seed: 5, numRuns: 200 },
    );
  });

  it('writes replies, cutting texts that are too long', () => {
    const b = Buffer.alloc(REPLY_BYTES, 0xff);
    encodeReply(
      {
        action: Action.DIRECT,
        local: parseIp('127.0.0.1') ?? '',
        localPort: 5,
        path: '/x',
        text: 'é'.repeat(400),
      },
      b,
    );
    const at = (name: string) => offsetOf(REP, name);
    expect(b.readUInt32LE(0)).toBe(MAGIC_REP);
    expect(b.readInt32LE(at('err'))).toBe(0);
    expect(b.readUInt32LE(at('action'))).toBe(Action.DIRECT);
    expect(b.toString('hex', at('local'), at('local') + 16)).toBe(parseIp('127.0.0.1'));
    expect(b.toString('utf8', at('path'), at('path') + 3)).toBe('/x\0');
    const text = b.toString('utf8', at('text'), b.indexOf(0, at('text')));
    expect(text).toBe('é'.repeat(127));
  });
});
