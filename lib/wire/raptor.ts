/**
 * Frames of point-to-point links without addresses, after 2018's raptor IPCP (semantics 8.1). Its management message has no room for a QoS
 * specification, so the one of flows that a cube does not describe follows the hash, before the data; a message that ends with the
 * hash is 2018's own.
 */
import { Errno, noBytes, UsageError } from '#lib/core/index.ts';
import { copyRange } from './copy-range.ts';
import { defineLayout, i8, i32, u8, u16le } from './layout/index.ts';
import {
  checkReply,
  type ManagementCodec,
  type ManagementMessage,
  withTail,
} from './management.ts';
import { cubeOfQos, qosFields, qosFromWire, qosOfCube, qosToWire } from './qos.ts';
import { Verdict } from './verdict.ts';

export const maxRaptorFrame = 4096 - 200;
export const raptorManagementSap = 1;
export const firstRaptorSap = 2;
export const lastRaptorSap = 63;

export const raptorHeader = defineLayout(
  {
    title: 'raptor frame',
    section: 'semantics 8.1',
    notes:
      'At most 3896 bytes. The payload follows: a management message when `dsap` is 1, else a packet of that flow.',
  },
  {
    length: u16le('bytes of the whole frame, these three included'),
    dsap: u8("receiver's SAP, 1..63"),
  },
);

export const raptorManagementLayout = defineLayout(
  {
    title: 'raptor management message',
    section: 'semantics 8.1',
    notes: `After the fixed part: request, query and query reply = hash. Of ours, after the hash of a request: the QoS (next table), unless the
cube says it all, and OAP request; after the fixed part of a reply: OAP response, or after -128 the response as i32.`,
  },
  {
    code: u8('0 flow request, 1 flow reply, 2 name query, 3 name reply'),
    ssap: u8('SAP of the sender'),
    dsap: u8("reply: the requester's SAP"),
    qosCube: u8('request: 0 best effort, 1 video, 2 voice'),
    response: i8('reply: 0 = accepted, else a negative error number; -128 = follows, i32'),
  },
);

export const raptorQosLayout = defineLayout(
  { title: 'QoS in a raptor request', section: 'our own' },
  qosFields,
);

const code = { flowRequest: 0, flowReply: 1, nameQuery: 2, nameReply: 3 } as const;
const fixedBytes = raptorManagementLayout.bytes;
const { length: lengthAt, dsap: dsapAt } = raptorHeader.at;
const maxManagement = maxRaptorFrame - raptorHeader.bytes;
const otherResponse = -128;
const longResponse = defineLayout(
  { title: 'Long response in a raptor reply', section: 'our own' },
  { response: i32('a negative error number below -127') },
);

/** Is `bytes[base..end)` one whole frame? A stream is cut into frames by `raptorHeader.at.length` first. */
export function checkRaptor(bytes: Uint8Array, base: number, end: number): Verdict {
  if (end - base < raptorHeader.bytes) return Verdict.short;
  const length = lengthAt.get(bytes, base);
  if (length > maxRaptorFrame) return Verdict.big;
  if (length < raptorHeader.bytes || length !== end - base) return Verdict.length;
  return isSap(dsapAt.get(bytes, base)) ? Verdict.ok : Verdict.sap;
}

export const raptorManagement: ManagementCodec<ManagementMessage> = {
  fixedBytes,
  encode(message) {
    switch (message.kind) {
      case 'flow-request': {
        const { source, qos, hash, data } = message;
        const qosCube = cubeOfQos(qos);
        const full = data.length > 0 || !sameQos(qos, qosOfCube(qosCube));
        const block = new Uint8Array(full ? raptorQosLayout.bytes : 0);
        if (full) raptorQosLayout.write(block, 0, qosToWire(qos));
        const encoded = withTail(fixedBytes, maxManagement, hash, block, data);
        const fields = { code: code.flowRequest, ssap: must(source), qosCube };
        raptorManagementLayout.write(encoded, 0, fields);
        return encoded;
      }
      case 'flow-reply': {
        checkReply(message);
        const { source, destination, response, data } = message;
        const long = new Uint8Array(response <= otherResponse ? longResponse.bytes : 0);
        if (long.length > 0) longResponse.at.response.set(long, 0, response);
        const encoded = withTail(fixedBytes, maxManagement, long, data);
        raptorManagementLayout.write(encoded, 0, {
          code: code.flowReply,
          ssap: response === 0 ? must(source) : source,
          dsap: must(destination),
          response: Math.max(response, otherResponse),
        });
        return encoded;
      }
      default: {
        const encoded = withTail(fixedBytes, maxManagement, message.hash);
        const query = message.kind === 'name-query';
        const fields = { code: query ? code.nameQuery : code.nameReply };
        raptorManagementLayout.write(encoded, 0, fields);
        return encoded;
      }
    }
  },
  decode(bytes, base, end, hashBytes) {
    const length = end - base;
    if (length < fixedBytes) return Verdict.short;
    if (length > maxManagement) return Verdict.big;
    const wire = raptorManagementLayout.decode(bytes, base);
    if (wire.code > code.nameReply) return Verdict.code;
    const tail = base + fixedBytes;

    if (wire.code === code.flowReply) {
      const { ssap: source, dsap: destination, response } = wire;
      if (!isSap(destination)) return Verdict.sap;
      if (response > 0) return Verdict.response;
      if (response === 0 && !isSap(source)) return Verdict.sap;
      const long = response === otherResponse && end - tail === longResponse.bytes;
      if (response < 0 && end > tail && !long) return Verdict.trailing;
      if (response === otherResponse) {
        const errno = long ? longResponse.at.response.get(bytes, tail) : -Errno.EIPCP;
        if (errno >= 0) return Verdict.response;
        return { kind: 'flow-reply', source, destination, response: errno, data: noBytes };
      }
      return {
        kind: 'flow-reply',
        source,
        destination,
        response,
        data: copyRange(bytes, tail, end),
      };
    }

    const rest = tail + hashBytes;
    if (end < rest) return Verdict.short;
    const hash = copyRange(bytes, tail, rest);
    if (wire.code !== code.flowRequest) {
      if (end > rest) return Verdict.trailing;
      return { kind: wire.code === code.nameQuery ? 'name-query' : 'name-reply', hash };
    }
    if (!isSap(wire.ssap)) return Verdict.sap;
    const request = { kind: 'flow-request', source: wire.ssap, hash } as const;
    if (end === rest)
      return { ...request, qos: qosOfCube(wire.qosCube), data: copyRange(bytes, rest, end) };
    const data = rest + raptorQosLayout.bytes;
    if (end < data) return Verdict.short;
    const qos = qosFromWire(raptorQosLayout.decode(bytes, rest));
    return { ...request, qos, data: copyRange(bytes, data, end) };
  },
};

function sameQos(a: object, b: object): boolean {
  const other: Record<string, unknown> = { ...b };
  return Object.entries(a).every(([name, value]) => other[name] === value);
}

function isSap(sap: number): boolean {
  return sap > 0 && sap <= lastRaptorSap;
}

function must(sap: number): number {
  if (!Number.isInteger(sap) || !isSap(sap)) throw new UsageError(`SAP ${sap} is not in 1..63`);
  return sap;
}
