/** Management messages of Ethernet IPCPs (edge specification 1.3). DIX and LLC differ only in their layout. */
import { UsageError } from '#lib/core/index.ts';
import { copyRange } from '../copy-range.ts';
import { defineLayout, type Fields, i32, type Layout, u8, u16 } from '../layout/index.ts';
import {
  checkReply,
  type EthManagementMessage,
  type ManagementCodec,
  withTail,
} from '../management.ts';
import { qosFields, qosFromWire, qosToWire, type WireQos } from '../qos.ts';
import { type Rejected, Verdict } from '../verdict.ts';
import { maxEthManagement } from './format.ts';

/** On the wire. */
export const EthCode = { flowRequest: 0, flowReply: 1, nameQuery: 2, nameReply: 3 } as const;

const response = i32('reply: 0 = accepted, else a negative error number');
const code = u8('0 flow request, 1 flow reply, 2 name query, 3 name reply');
const { loss, bandwidth, ber, maxGap, delay, timeout, inOrder, availability } = qosFields;

const tails = `After the fixed part: request = destination hash, OAP request; reply = OAP response, nothing when refused; query
and query reply = hash. Fields that a message does not use are 0.`;

export const dixManagementLayout = defineLayout(
  { title: 'eth-dix management message', section: '1.3', notes: tails },
  {
    seid: u16("endpoint of the sender: the requester's in a request, the responder's in a reply"),
    deid: u16("reply: the requester's endpoint"),
    loss,
    bandwidth,
    ber,
    maxGap,
    delay,
    timeout,
    response,
    inOrder,
    code,
    availability,
  },
);

export const llcManagementLayout = defineLayout(
  { title: 'eth-llc management message', section: '1.3', notes: tails },
  {
    ssap: u8('SAP of the sender, bits in their usual order'),
    dsap: u8("reply: the requester's SAP"),
    code,
    availability,
    loss,
    bandwidth,
    ber,
    maxGap,
    delay,
    timeout,
    response,
    inOrder,
  },
);

/** The fields of a layout that the codec names itself. */
interface Ends {
  readonly source: number;
  readonly destination: number;
}
interface FixedPart extends WireQos, Ends {
  readonly response: number;
  readonly code: number;
}

interface CodecConfig {
  readonly bytes: number;
  /** Largest endpoint number. */
  readonly maxEnd: number;
  /** Said of an endpoint that is 0 or too large. */
  readonly badEnd: Rejected;
  readonly codeAt: number;
  read(from: Uint8Array, base: number): FixedPart;
  write(to: Uint8Array, part: Partial<FixedPart>): void;
}

function ethManagementCodec(config: CodecConfig): ManagementCodec<EthManagementMessage> {
  const { bytes: fixedBytes, maxEnd, badEnd } = config;
  const valid = (end: number) => Number.isInteger(end) && end > 0 && end <= maxEnd;
  const must = (end: number) => {
    if (!valid(end)) throw new UsageError(`Endpoint ${end} is not in 1..${maxEnd}`);
    return end;
  };

  function encode(message: EthManagementMessage): Uint8Array {
    const { part, parts } = wireForm(message, must);
    const encoded = withTail(fixedBytes, maxEthManagement, ...parts);
    config.write(encoded, part);
    return encoded;
  }

  function decode(bytes: Uint8Array, base: number, end: number, hashBytes: number) {
    const length = end - base;
    if (length < fixedBytes) return Verdict.short;
    if (length > maxEthManagement) return Verdict.big;
    const wireCode = bytes[base + config.codeAt]!;
    if (wireCode > EthCode.nameReply) return Verdict.code;
    const tail = base + fixedBytes;
    if (wireCode !== EthCode.flowReply && end - tail < hashBytes) return Verdict.short;

    if (wireCode === EthCode.nameQuery || wireCode === EthCode.nameReply) {
      if (end - tail > hashBytes) return Verdict.trailing;
      const kind = wireCode === EthCode.nameQuery ? 'name-query' : 'name-reply';
      return { kind, hash: copyRange(bytes, tail, end) } as const;
    }

    const part = config.read(bytes, base);
    const { source, destination } = part;
    if (wireCode === EthCode.flowRequest) {
      if (!valid(source)) return badEnd;
      const data = tail + hashBytes;
      return {
        kind: 'flow-request',
        source,
        qos: qosFromWire(part),
        hash: copyRange(bytes, tail, data),
        data: copyRange(bytes, data, end),
      } as const;
    }

    if (!valid(destination)) return badEnd;
    if (part.response > 0) return Verdict.response;
    // A refusal needs no endpoint of the peer's, an acceptance does.
    if (part.response === 0 && !valid(source)) return badEnd;
    if (part.response < 0 && end > tail) return Verdict.trailing;
    return {
      kind: 'flow-reply',
      source,
      destination,
      response: part.response,
      data: copyRange(bytes, tail, end),
    } as const;
  }

  return { fixedBytes, encode, decode };
}

function wireForm(
  message: EthManagementMessage,
  must: (end: number) => number,
): { part: Partial<FixedPart>; parts: Uint8Array[] } {
  switch (message.kind) {
    case 'flow-request':
      return {
        part: {
          code: EthCode.flowRequest,
          source: must(message.source),
          ...qosToWire(message.qos),
        },
        parts: [message.hash, message.data],
      };
    case 'flow-reply': {
      checkReply(message);
      const { response, source, destination } = message;
      return {
        part: {
          code: EthCode.flowReply,
          source: response === 0 ? must(source) : source,
          destination: must(destination),
          response,
        },
        parts: [message.data],
      };
    }
    case 'name-query':
      return { part: { code: EthCode.nameQuery }, parts: [message.hash] };
    case 'name-reply':
      return { part: { code: EthCode.nameReply }, parts: [message.hash] };
  }
}

export const dixManagement = ethManagementCodec({
  bytes: dixManagementLayout.bytes,
  maxEnd: 0xffff,
  badEnd: Verdict.eid,
  codeAt: dixManagementLayout.at.code.offset,
  read(from, base) {
    const { seid, deid, ...rest } = dixManagementLayout.decode(from, base);
    return { source: seid, destination: deid, ...rest };
  },
  write(to, { source = 0, destination = 0, ...rest }) {
    dixManagementLayout.write(to, 0, { seid: source, deid: destination, ...rest });
  },
});

export const llcManagement = ethManagementCodec({
  bytes: llcManagementLayout.bytes,
  maxEnd: 63,
  badEnd: Verdict.sap,
  codeAt: llcManagementLayout.at.code.offset,
  read(from, base) {
    const { ssap, dsap, ...rest } = llcManagementLayout.decode(from, base);
    return { source: ssap, destination: dsap, ...rest };
  },
  write(to, { source = 0, destination = 0, ...rest }) {
    llcManagementLayout.write(to, 0, { ssap: source, dsap: destination, ...rest });
  },
});

/** For docs/wire. */
export const ethManagementLayouts: readonly Layout<Fields>[] = [
  dixManagementLayout,
  llcManagementLayout,
];
