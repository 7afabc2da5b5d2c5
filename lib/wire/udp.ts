/**
 * Datagrams of UDP IPCPs (edge specification 2). Management messages carry destination endpoint 0 as every datagram does, and in replies
 * name the ends the other way round than Ethernet: `sEid` is the requester's.
 */
import { UsageError } from '#lib/core/index.ts';
import { copyRange } from './copy-range.ts';
import { defineLayout, i32, u8, u32 } from './layout/index.ts';
import {
  checkReply,
  type ManagementCodec,
  type UdpManagementMessage,
  withTail,
} from './management.ts';
import { qosFields, qosFromWire, qosToWire } from './qos.ts';
import { Verdict } from './verdict.ts';

export const defaultUdpPort = 3435;
/** The prototype's receiver does not check its buffer: no management datagram may be longer. */
export const maxUdpManagement = 2048;
/** Own endpoints: the prototype keeps the peer's as a signed number. */
export const firstUdpEid = 64;
export const lastUdpEid = 0x7fffffff;
/** Longest payload that the prototype's receivers do not cut, by family. */
export const maxUdpPayload = { udp4: 8976, udp6: 8948 } as const;

export const udpHeader = defineLayout(
  {
    title: 'UDP datagram',
    section: '2.1',
    notes: `The payload follows: the rest of a management message when \`eid\` is 0, else a packet of that flow; 0 bytes are a keepalive.`,
  },
  { eid: u32("receiver's endpoint; 0 = management") },
);

const code = { flowRequest: 1, flowReply: 2 } as const;

export const udpManagementLayout = defineLayout(
  {
    title: 'UDP management message',
    section: '2.2',
    notes: `After the fixed part: request = MD5 of the destination name, OAP request; reply = OAP response, nothing when refused. At most 2048
bytes in all. Fields that a message does not use are 0.`,
  },
  {
    eid: u32('0'),
    sEid: u32("the requester's endpoint, in requests and replies"),
    dEid: u32("reply: the responder's endpoint"),
    response: i32('reply: 0 = accepted, else a negative error number'),
    bandwidth: qosFields.bandwidth,
    delay: qosFields.delay,
    loss: qosFields.loss,
    ber: qosFields.ber,
    maxGap: qosFields.maxGap,
    timeout: qosFields.timeout,
    code: u8('1 flow request, 2 flow reply'),
    availability: qosFields.availability,
    inOrder: qosFields.inOrder,
  },
);

const fixedBytes = udpManagementLayout.bytes;
const eidAt = udpHeader.at.eid;
const codeAt = udpManagementLayout.at.code;

/** Then `udpHeader.at.eid` tells what the datagram of `length` bytes is. */
export function checkUdp(length: number): Verdict {
  return length < udpHeader.bytes ? Verdict.short : Verdict.ok;
}

/** `base` is that of the datagram. */
export const udpManagement: ManagementCodec<UdpManagementMessage> = {
  fixedBytes,
  encode(message) {
    if (message.kind === 'flow-request') {
      const { source, qos, hash, data } = message;
      const encoded = withTail(fixedBytes, maxUdpManagement, hash, data);
      const fields = { sEid: must(source), code: code.flowRequest, ...qosToWire(qos) };
      udpManagementLayout.write(encoded, 0, fields);
      return encoded;
    }
    checkReply(message);
    const { source, destination, response, data } = message;
    const encoded = withTail(fixedBytes, maxUdpManagement, data);
    udpManagementLayout.write(encoded, 0, {
      sEid: must(destination),
      dEid: response === 0 ? must(source) : source,
      response,
      code: code.flowReply,
    });
    return encoded;
  },
  decode(bytes, base, end, hashBytes) {
    const length = end - base;
    if (length < fixedBytes) return Verdict.short;
    if (length > maxUdpManagement) return Verdict.big;
    if (eidAt.get(bytes, base) !== 0) return Verdict.eid;
    const wireCode = codeAt.get(bytes, base);
    const tail = base + fixedBytes;

    if (wireCode === code.flowRequest) {
      if (end - tail < hashBytes) return Verdict.short;
      const part = udpManagementLayout.decode(bytes, base);
      if (part.sEid === 0) return Verdict.eid;
      const data = tail + hashBytes;
      return {
        kind: 'flow-request',
        source: part.sEid,
        qos: qosFromWire(part),
        hash: copyRange(bytes, tail, data),
        data: copyRange(bytes, data, end),
      };
    }
    if (wireCode !== code.flowReply) return Verdict.code;

    const { sEid: destination, dEid: source, response } = udpManagementLayout.decode(bytes, base);
    if (destination === 0) return Verdict.eid;
    if (response > 0) return Verdict.response;
    if (response === 0 && source === 0) return Verdict.eid;
    if (response < 0 && end > tail) return Verdict.trailing;
    return { kind: 'flow-reply', source, destination, response, data: copyRange(bytes, tail, end) };
  },
};

function must(eid: number): number {
  if (!Number.isInteger(eid) || eid < 1 || eid > 0xffffffff)
    throw new UsageError(`Endpoint ${eid} is not in 1..4294967295`);
  return eid;
}
