/** The codecs of all wires: what they write they read, and what is wrong they name. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { noBytes, qosData, qosRaw, qosVoice, UsageError } from '#lib/core/index.ts';
import { maxEthManagement } from './eth/format.ts';
import { dixManagement, dixManagementLayout, llcManagement } from './eth/management.ts';
import { managementMessage } from './fixtures/arbitrary.ts';
import type { ManagementCodec, ManagementMessage } from './management.ts';
import { raptorManagement } from './raptor.ts';
import { maxUdpManagement, udpManagement, udpManagementLayout } from './udp.ts';
import { isRejected, Verdict } from './verdict.ts';

const hash = new Uint8Array(32).fill(7);
const md5 = hash.subarray(0, 16);
const request = { kind: 'flow-request', source: 3, qos: qosRaw, hash, data: noBytes } as const;
const reply = { kind: 'flow-reply', source: 3, destination: 4, response: 0, data: hash } as const;
const refusal = { ...reply, response: -111, data: noBytes };

const udpAsAny = udpManagement as ManagementCodec<ManagementMessage>;
const codecs = {
  dix: { codec: dixManagement, hashBytes: 32, maxEnd: 0xffff, minResponse: -0x80000000 },
  llc: { codec: llcManagement, hashBytes: 28, maxEnd: 63, minResponse: -0x80000000 },
  udp: { codec: udpAsAny, hashBytes: 16, maxEnd: 0xffffffff, minResponse: -0x80000000 },
  raptor: { codec: raptorManagement, hashBytes: 32, maxEnd: 63, minResponse: -127 },
};

describe.each(Object.entries(codecs))('management messages of %s', (wire, config) => {
  const { codec, hashBytes, maxEnd, minResponse } = config;
  const message = managementMessage(hashBytes, maxEnd, minResponse).filter(
    ({ kind }) => wire !== 'udp' || kind.startsWith('flow'),
  );

  it('are read as they were written, wherever they are', () => {
    fc.assert(
      fc.property(message, fc.nat(9), (sent, base) => {
        const encoded = codec.encode(sent);
        const frame = new Uint8Array(base + encoded.length + 5).fill(0xee);
        frame.set(encoded, base);
        const read = codec.decode(frame, base, base + encoded.length, hashBytes);
        expect(read).toEqual(sent);
        frame.fill(0);
        expect(read).toEqual(sent);
      }),
      { seed: 5 },
    );
  });

  it('are refused when cut anywhere before the end of hash or fixed part', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const encoded = codec.encode(sent);
        const needed = codec.fixedBytes + (sent.kind === 'flow-reply' ? 0 : hashBytes);
        for (let end = 0; end < needed; end++)
          expect(codec.decode(encoded, 0, end, hashBytes)).toBe(Verdict.short);
      }),
      { seed: 6, numRuns: 20 },
    );
  });

  it('never throw or read past their end, whatever the bytes', () => {
    fc.assert(
      fc.property(
        message,
        fc.array(fc.tuple(fc.nat(), fc.nat(255))),
        fc.nat(40),
        (sent, hits, cut) => {
          const encoded = codec.encode(sent);
          for (const [at, byte] of hits) encoded[at % encoded.length] = byte;
          const end = Math.max(0, encoded.length - cut);
          const read = codec.decode(encoded, 0, end, hashBytes);
          const beyond = encoded.slice();
          beyond.fill(0x55, end);
          expect(codec.decode(beyond, 0, end, hashBytes)).toEqual(read);
          if (isRejected(read)) return;
          const again = codec.encode(read);
          expect(codec.decode(again, 0, again.length, hashBytes)).toEqual(read);
        },
      ),
      { seed: 7, numRuns: 300 },
    );
  });

  it('refuse to write what must not be sent', () => {
    const bad: ManagementMessage[] = [
      { ...request, hash: hash.subarray(0, hashBytes), source: 0 },
      { ...request, hash: hash.subarray(0, hashBytes), source: maxEnd + 1 },
      { ...request, hash: hash.subarray(0, hashBytes), source: 1.5 },
      { ...reply, destination: 0 },
      { ...reply, source: 0 },
      { ...reply, response: 5 },
      { ...reply, response: -5 },
    ];
    for (const message of bad) expect(() => codec.encode(message)).toThrow(UsageError);
  });
});

describe('what is wrong with a management message', () => {
  const dixRequest = dixManagement.encode(request);
  const dixReply = dixManagement.encode(reply);
  const dixRefusal = dixManagement.encode(refusal);
  const query = dixManagement.encode({ kind: 'name-query', hash });
  const dix = (bytes: Uint8Array) => dixManagement.decode(bytes, 0, bytes.length, 32);
  const udp = (bytes: Uint8Array) => udpManagement.decode(bytes, 0, bytes.length, 16);
  const { code, response, seid } = dixManagementLayout.at;

  it.each([
    ['unknown code', patched(dixRequest, (b) => code.set(b, 0, 4)), Verdict.code],
    ['too long', longer(dixRequest, maxEthManagement), Verdict.big],
    ['request without endpoint', patched(dixRequest, (b) => seid.set(b, 0, 0)), Verdict.eid],
    ['acceptance without endpoint', patched(dixReply, (b) => seid.set(b, 0, 0)), Verdict.eid],
    ['response above 0', patched(dixReply, (b) => response.set(b, 0, 1)), Verdict.response],
    ['refusal with data', longer(dixRefusal, 1), Verdict.trailing],
    ['query with data', longer(query, 1), Verdict.trailing],
  ])('eth-dix: %s', (_name, bytes, verdict) => {
    expect(dix(bytes)).toBe(verdict);
  });

  it('a refusal needs no endpoint', () => {
    expect(dix(patched(dixRefusal, (b) => seid.set(b, 0, 0)))).toEqual({ ...refusal, source: 0 });
  });

  it('eth-llc: SAP out of range', () => {
    const encoded = llcManagement.encode(request);
    for (const sap of [0, 64, 255])
      expect(
        llcManagement.decode(
          patched(encoded, (b) => {
            b[0] = sap;
          }),
          0,
          encoded.length,
          32,
        ),
      ).toBe(Verdict.sap);
  });

  it('udp', () => {
    const { eid, code: udpCode, sEid } = udpManagementLayout.at;
    const good = udpManagement.encode({ ...request, hash: md5 });
    expect(udp(patched(good, (b) => eid.set(b, 0, 1)))).toBe(Verdict.eid);
    expect(udp(patched(good, (b) => sEid.set(b, 0, 0)))).toBe(Verdict.eid);
    for (const wrong of [0, 3])
      expect(udp(patched(good, (b) => udpCode.set(b, 0, wrong)))).toBe(Verdict.code);
    expect(udp(longer(good, maxUdpManagement))).toBe(Verdict.big);
    expect(udp(longer(udpManagement.encode(refusal), 1))).toBe(Verdict.trailing);
  });

  it('udp: what a C peer could not take is not sent', () => {
    const data = new Uint8Array(maxUdpManagement - 47 - 16);
    expect(udpManagement.encode({ ...request, hash: md5, data })).toHaveLength(maxUdpManagement);
    const more = { ...request, hash: md5, data: new Uint8Array(data.length + 1) };
    expect(() => udpManagement.encode(more)).toThrow(
      new UsageError('Management message of 2049 bytes, 2048 is the most', 'EMSGSIZE'),
    );
  });
});

describe('raptor', () => {
  it('says with a cube what a cube can say', () => {
    const short = raptorManagement.encode({ ...request, qos: qosVoice });
    expect(short).toHaveLength(5 + 32);
    expect(short[3]).toBe(2);
    const long = raptorManagement.encode({ ...request, qos: qosData });
    expect(long).toHaveLength(5 + 32 + 30);
    expect(raptorManagement.decode(long, 0, long.length, 32)).toEqual({ ...request, qos: qosData });
    expect(raptorManagement.decode(long, 0, long.length - 1, 32)).toBe(Verdict.short);
  });

  it('has a longer response for those that do not fit', () => {
    const encoded = raptorManagement.encode({ ...refusal, response: -1009 });
    expect(raptorManagement.decode(encoded, 0, encoded.length, 32)).toEqual({
      ...refusal,
      response: -1009,
    });
    // 2018 said -128 and nothing more.
    const short = encoded.length - 4;
    expect(raptorManagement.decode(encoded, 0, short, 32)).toEqual({
      ...refusal,
      response: -1003,
    });
  });
});

function patched(bytes: Uint8Array, patch: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  patch(copy);
  return copy;
}

function longer(bytes: Uint8Array, by: number): Uint8Array {
  const copy = new Uint8Array(bytes.length + by);
  copy.set(bytes);
  return copy;
}
