/** Every packet of every capture of the C prototype: decoded, encoded again, equal bytes. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { toHex } from '#lib/core/index.ts';
import { digests } from './algorithms.ts';
import { dixFormat } from './eth/dix.ts';
import type { EthFormat } from './eth/format.ts';
import { llcFormat } from './eth/llc.ts';
import { readCapture, udpPayload } from './fixtures/pcap.ts';
import { checkFrcp, frcpPci } from './frcp.ts';
import type { ManagementMessage } from './management.ts';
import { decodeOap, encodeOap, type OapMessage, requestDigest } from './oap.ts';
import { checkUdp, udpHeader, udpManagement } from './udp.ts';
import { isRejected, verdictName } from './verdict.ts';

/** What is in a capture: management messages, packets of flows, of these keepalives and FRCP in the clear, and frames of others. */
interface Census {
  management: number;
  data: number;
  keepalive: number;
  frcp: number;
  other: number;
}

const formats = [dixFormat(), llcFormat];
const udpHash = 16;
const ethHash = 32;

/** Follows the flows of one capture, to know which packets have an FRCP header. BOUNDED by the capture. */
class Reader {
  readonly census: Census = { management: 0, data: 0, keepalive: 0, frcp: 0, other: 0 };
  readonly #requests = new Map<string, { message: OapMessage; bytes: Uint8Array }>();
  readonly #asked = new Map<string, boolean>();
  readonly #frcp = new Set<string>();

  frame(frame: Uint8Array): void {
    const datagram = udpPayload(frame, 3435);
    if (datagram !== undefined) return this.#udp(datagram);
    for (const format of formats)
      if (format.check(frame, 0, frame.length) === 0) return this.#ethernet(format, frame);
    this.census.other++;
  }

  #ethernet(format: EthFormat, frame: Uint8Array): void {
    const ends = { destination: format.destination(frame, 0), source: format.source(frame, 0) };
    const start = format.headerBytes;
    const payload = frame.subarray(start, start + format.payloadBytes(frame, 0));
    const header = format.header(frame.subarray(0, 6), frame.subarray(6, 12), ends);
    format.setPayloadBytes(header, 0, payload.length);
    expect(toHex(Buffer.concat([header, payload]))).toBe(toHex(frame));

    const to = toHex(frame.subarray(0, 6));
    const from = toHex(frame.subarray(6, 12));
    if (!format.isManagement(frame, 0)) return this.#data(payload, `${to} ${ends.destination}`);
    const message = format.management.decode(payload, 0, payload.length, ethHash);
    if (isRejected(message)) throw new RangeError(verdictName(message));
    expect(toHex(format.management.encode(message))).toBe(toHex(payload));
    const response = this.#management(message);
    if (message.kind === 'flow-request')
      this.#asked.set(`${from} ${message.source}`, message.qos.inOrder > 0);
    const clear = response?.cipher === 0;
    if (message.kind === 'flow-reply' && clear && this.#asked.get(`${to} ${message.destination}`)) {
      this.#frcp.add(`${to} ${message.destination}`);
      this.#frcp.add(`${from} ${message.source}`);
    }
  }

  #udp(datagram: Uint8Array): void {
    expect(checkUdp(datagram.length)).toBe(0);
    if (udpHeader.at.eid.get(datagram, 0) !== 0)
      return this.#data(datagram.subarray(udpHeader.bytes), 'udp');
    const message = udpManagement.decode(datagram, 0, datagram.length, udpHash);
    if (isRejected(message)) throw new RangeError(verdictName(message));
    expect(toHex(udpManagement.encode(message))).toBe(toHex(datagram));
    this.#management(message);
  }

  /** Gives the response of a flow that was accepted. */
  #management(message: ManagementMessage): OapMessage | undefined {
    this.census.management++;
    if (message.kind === 'flow-request') {
      const request = this.#oap(message.data, 0);
      this.#requests.set(toHex(request.id), { message: request, bytes: message.data });
    }
    if (message.kind === 'flow-reply' && message.response === 0) {
      const id = toHex(message.data.subarray(0, 16));
      const request = this.#requests.get(id);
      if (request === undefined) throw new RangeError(`No request ${id}`);
      const digest = requestDigest(request.message);
      const response = this.#oap(message.data, digests[digest].bytes);
      const hash = createHash(digest).update(request.bytes).digest();
      expect(toHex(response.requestHash)).toBe(toHex(hash));
      return response;
    }
    return undefined;
  }

  #oap(bytes: Uint8Array, hashBytes: number): OapMessage {
    const message = decodeOap(bytes, hashBytes);
    if (isRejected(message)) throw new RangeError(verdictName(message));
    expect(toHex(encodeOap(message))).toBe(toHex(bytes));
    return message;
  }

  #data(payload: Uint8Array, flow: string): void {
    this.census.data++;
    if (payload.length === 0) {
      this.census.keepalive++;
      return;
    }
    if (!this.#frcp.has(flow)) return;
    this.census.frcp++;
    expect(checkFrcp(payload, 0, payload.length)).toBe(0);
    const again = new Uint8Array(frcpPci.bytes);
    frcpPci.write(again, 0, frcpPci.decode(payload));
    expect(toHex(again)).toBe(toHex(payload.subarray(0, frcpPci.bytes)));
  }
}

/** Management, data, keepalives, FRCP, other. */
const captures: Record<string, [number, number, number, number, number]> = {
  'bc-ctl2': [8, 11, 2, 0, 0],
  'bc-ctl3': [8, 26, 8, 0, 0],
  'bc-dix': [16, 92, 17, 0, 4],
  'broadcast-ab': [6, 12, 0, 0, 1],
  'dix-qos': [8, 49, 0, 39, 0],
  'edge-best': [2, 71, 7, 64, 0],
  'edge-dix-data': [2, 5, 0, 5, 6],
  'edge-dix-data2': [10, 35, 0, 35, 1],
  'edge-dix-raw': [6, 8, 0, 0, 4],
  'edge-enc': [2, 9, 3, 0, 0],
  'edge-keep': [2, 10, 9, 0, 0],
  'edge-late': [5, 9, 0, 9, 0],
  'enc-dix-p256-aesgcm': [4, 14, 0, 0, 0],
  'enc-dix-x25519-chacha': [2, 12, 0, 0, 0],
  'line3-bc-first150': [8, 132, 0, 0, 10],
  'llc-alloc-data': [2, 10, 0, 0, 0],
  'recursion-bc': [0, 47, 0, 0, 0],
  'tri-ab': [10, 22, 0, 0, 15],
  'tri-bc': [11, 21, 0, 0, 14],
  'tri3-ab': [10, 33, 0, 0, 17],
  'tri3-bc': [10, 34, 0, 0, 16],
  'udp4-alloc-data': [4, 10, 0, 0, 0],
  'udp6-alloc-data': [4, 10, 0, 0, 0],
  'uni-dix': [10, 40, 0, 0, 4],
  'unicast-dix-full': [9, 144, 42, 0, 22],
  'unicast-dix-query-alloc-data': [0, 26, 0, 0, 2],
};

describe('captures', () => {
  it.each(Object.entries(captures))('%s', (name, [management, data, keepalive, frcp, other]) => {
    const reader = new Reader();
    for (const frame of readCapture(name)) reader.frame(frame);
    expect(reader.census).toEqual({ management, data, keepalive, frcp, other });
  });
});
