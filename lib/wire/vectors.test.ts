/** The test vectors of the edge specification, section 9, built from what they mean and read back. */
import { describe, expect, it } from '@jest/globals';
import { Errno, noBytes, qosRaw, toHex } from '#lib/core/index.ts';
import { dixFormat } from './eth/dix.ts';
import { llcFormat } from './eth/llc.ts';
import { broadcastMac, parseMac } from './eth/mac.ts';
import { vector, vectorList } from './fixtures/pcap.ts';
import { checkFrcp, FrcpFlag, frcpPci } from './frcp.ts';
import type { EthManagementMessage } from './management.ts';
import { decodeOap, encodeOap, noKex } from './oap.ts';
import { udpHeader, udpManagement } from './udp.ts';
import { Verdict } from './verdict.ts';

const dix = dixFormat();
const a = parseMac('fa:04:9b:12:a0:bf');
const b = parseMac('6a:c7:e5:6c:24:3f');
const hash = vector('TV-1 query').subarray(-32);

function frame(format: typeof dix, to: Uint8Array, from: Uint8Array, payload: Uint8Array): string {
  const header = format.header(to, from, format.managementEnds);
  format.setPayloadBytes(header, 0, payload.length);
  return toHex(header) + toHex(payload);
}

/** Encodes to the payload of the frame, and decodes back to the message. */
function roundTrip(format: typeof dix, message: EthManagementMessage, expected: Uint8Array): void {
  expect(format.check(expected, 0, expected.length)).toBe(Verdict.ok);
  expect(format.isManagement(expected, 0)).toBe(true);
  const [to, from] = [expected.subarray(0, 6), expected.subarray(6, 12)];
  expect(frame(format, to, from, format.management.encode(message))).toBe(toHex(expected));
  const { headerBytes } = format;
  expect(format.management.decode(expected, headerBytes, expected.length, 32)).toEqual(message);
}

describe('test vectors', () => {
  it('TV-1: name query and reply', () => {
    const query = dix.management.encode({ kind: 'name-query', hash });
    expect(frame(dix, broadcastMac, a, query)).toBe(toHex(vector('TV-1 query')));
    roundTrip(dix, { kind: 'name-query', hash: new Uint8Array(hash) }, vector('TV-1 query'));
    roundTrip(dix, { kind: 'name-reply', hash: new Uint8Array(hash) }, vector('TV-1 reply'));
  });

  it('TV-2: flow request, reply and refusal over eth-dix', () => {
    const data = vector('TV-2 OAP request');
    roundTrip(
      dix,
      { kind: 'flow-request', source: 64, qos: qosRaw, hash: new Uint8Array(hash), data },
      vector('TV-2 request'),
    );
    roundTrip(
      dix,
      {
        kind: 'flow-reply',
        source: 65,
        destination: 64,
        response: 0,
        data: vector('TV-2 OAP response'),
      },
      vector('TV-2 reply'),
    );
    const refusal = vector('TV-2 refusal');
    const no = {
      kind: 'flow-reply',
      source: 75,
      destination: 200,
      response: -Errno.EAUTH,
      data: noBytes,
    } as const;
    expect(dix.management.decode(refusal, 0, refusal.length, 32)).toEqual(no);
    expect(dix.management.encode(no)).toEqual(refusal);
  });

  it('TV-3: FRCP headers', () => {
    const { data, run, ack, window } = FrcpFlag;
    const [first, , , delayed, final, , wrapped] = vectorList('TV-3 frcp');
    for (const bytes of vectorList('TV-3 frcp')) {
      expect(checkFrcp(bytes, 0, bytes.length)).toBe(Verdict.ok);
      const again = new Uint8Array(12);
      frcpPci.write(again, 0, frcpPci.decode(bytes));
      expect(again).toEqual(bytes);
    }
    expect(frcpPci.decode(first!)).toEqual({
      flags: data | run,
      window: 0,
      seqno: 0x35bde1e8,
      ackno: 0,
    });
    expect(frcpPci.decode(delayed!)).toMatchObject({ flags: ack | window, window: 0xe4e55d });
    expect(frcpPci.decode(final!)).toMatchObject({ flags: ack, ackno: 0x08b7a1e9 });
    expect(frcpPci.at.window.get(wrapped!, 0)).toBe((0xfffffff1 + 0x100) & 0xffffff);
  });

  it.each([
    ['TV-4', 901, 672, 672, 44, 32],
    ['TV-5', 1018, 673, 673, 91, 48],
  ])('%s: OAP with key exchange', (name, cipher, kdf, digest, kexBytes, hashBytes) => {
    const request = vector(`${name} OAP request`);
    const response = vector(`${name} OAP response`);
    const asked = decodeOap(request, 0);
    const answered = decodeOap(response, hashBytes);
    expect(asked).toMatchObject({ cipher, kdf, digest, kex: { raw: false } });
    expect(answered).toMatchObject({ cipher, kdf, digest: 0, signature: noBytes });
    if (typeof asked === 'number' || typeof answered === 'number') return;
    expect([asked.kex.data.length, answered.kex.data.length]).toEqual([kexBytes, kexBytes]);
    expect(answered.id).toEqual(asked.id);
    expect([encodeOap(asked), encodeOap(answered)]).toEqual([request, response]);
  });

  it('TV-7: eth-llc', () => {
    const request = vector('TV-7 request');
    const data = request.slice(-36);
    const name = request.slice(-68, -36);
    roundTrip(
      llcFormat,
      { kind: 'flow-request', source: 3, qos: qosRaw, hash: name, data },
      request,
    );
    expect(decodeOap(data, 0)).toMatchObject({ cipher: 0, kex: noKex });
    const reply = { kind: 'flow-reply', source: 3, destination: 3, response: 0, data } as const;
    const encoded = llcFormat.management.encode(reply);
    expect(encoded.subarray(0, 37)).toEqual(vector('TV-7 reply fixed part'));

    const header = vector('TV-7 data header');
    const packet = new Uint8Array([...header, ...new Uint8Array(64)]);
    expect(llcFormat.check(packet, 0, packet.length)).toBe(Verdict.ok);
    expect(llcFormat.isManagement(packet, 0)).toBe(false);
    expect(llcFormat.destination(packet, 0)).toBe(3);
    expect(llcFormat.source(packet, 0)).toBe(3);
    expect(llcFormat.payloadBytes(packet, 0)).toBe(64);
    const made = llcFormat.header(packet.subarray(0, 6), packet.subarray(6, 12), {
      destination: 3,
      source: 3,
    });
    llcFormat.setPayloadBytes(made, 0, 64);
    expect(made).toEqual(header);
  });

  it('TV-8: udp4', () => {
    const request = vector('TV-8 request');
    const data = request.slice(-36);
    const md5 = request.slice(47, 63);
    const message = { kind: 'flow-request', source: 64, qos: qosRaw, hash: md5, data } as const;
    expect(udpManagement.decode(request, 0, request.length, 16)).toEqual(message);
    expect(udpManagement.encode(message)).toEqual(request);
    const reply = udpManagement.encode({
      kind: 'flow-reply',
      source: 65,
      destination: 64,
      response: 0,
      data: vector('TV-2 OAP response'),
    });
    expect(reply.subarray(0, 47)).toEqual(vector('TV-8 reply fixed part'));
    expect(udpHeader.at.eid.get(request, 0)).toBe(0);
  });

  it('TV-9: keepalives', () => {
    const keepalive = vector('TV-9 dix keepalive');
    const padded = new Uint8Array(60).fill(0xaa);
    padded.set(keepalive);
    for (const bytes of [keepalive, padded]) {
      expect(dix.check(bytes, 0, bytes.length)).toBe(Verdict.ok);
      expect([dix.destination(bytes, 0), dix.payloadBytes(bytes, 0)]).toEqual([65, 0]);
    }
    expect(dix.header(b, a, { destination: 65, source: 0 })).toEqual(keepalive);
    expect(udpHeader.decode(vector('TV-9 udp keepalive'))).toEqual({ eid: 65 });
  });
});
