/** Frames that are wrong in one way each, and the counter that tells of it. */
import { copyBytes, noBytes, qosRaw, utf8 } from '#lib/core/index.ts';
import { type EthEnds, macBytes } from '#lib/wire/index.ts';
import { ExtensionCode, type ExtensionMessage, encodeExtension } from '../extension.ts';
import { type EthWire, mark } from '../wire.ts';
import type { FuzzWorld } from './fuzz-world.ts';

export interface BadFrame {
  readonly what: string;
  /** Of `status`. */
  readonly counter: string;
  readonly frame: Uint8Array;
}

const stranger = Uint8Array.of(2, 0, 0, 0, 0, 0x77);
const zeros = new Uint8Array(macBytes);

/** For member b, from its peer if nothing else is said. */
export function badFrames(world: FuzzWorld): BadFrame[] {
  const { wire, b } = world;
  const goodFrame = world.goodFrames[1];
  const { format } = wire;
  const { management } = format;
  const badEnd = format.name === 'eth-dix' ? 'rejected: eid' : 'rejected: sap';
  const hash = b.hash('server');
  // A number that no flow has.
  const nobody = [60, 59, 58].find((number) => !world.goodEnds.includes(number))!;

  const framed = (payload: Uint8Array, ends: EthEnds = format.managementEnds) => {
    const [to, from] = [world.ports[1].mac, world.ports[0].mac];
    const header = format.header(to, from, ends);
    format.setPayloadBytes(header, 0, payload.length);
    return Uint8Array.of(...header, ...payload);
  };
  const query = management.encode({ kind: 'name-query', hash });
  const reply = (source: number, destination: number, response = 0) =>
    management.encode({ kind: 'flow-reply', source, destination, response, data: noBytes });
  const request = (name: string) =>
    management.encode({
      kind: 'flow-request',
      source: nobody,
      qos: qosRaw,
      hash: b.hash(name),
      data: utf8('x'),
    });
  const extension = (message: Partial<ExtensionMessage> & Pick<ExtensionMessage, 'code'>) =>
    framed(encodeExtension(wire, { source: nobody, destination: nobody, token: 99, ...message }));
  const changed = (frame: Uint8Array, at: number, ...bytes: number[]) => {
    const copy = copyBytes(frame);
    copy.set(bytes, at);
    return copy;
  };
  const coded = (code: number) => {
    const message = copyBytes(query);
    wire.code.set(message, 0, code);
    return framed(message);
  };
  const noSource = copyBytes(request('server'));
  noSource.fill(0, 0, 2);
  wire.code.set(noSource, 0, 0);
  const positive = copyBytes(reply(nobody, nobody, -1));
  responseOf(wire).set(positive, 0, 1);
  const data = framed(utf8('hello'), { destination: nobody, source: nobody });
  const bad = (what: string, counter: string, frame: Uint8Array) => ({ what, counter, frame });

  return [
    bad('a header that is cut', 'rejected: short', goodFrame.subarray(0, format.headerBytes - 1)),
    bad('a payload that is cut', 'rejected: length', goodFrame.subarray(0, goodFrame.length - 1)),
    bad('a message that is cut', 'rejected: short', framed(query.subarray(0, 5))),
    bad('a hash that is cut', 'rejected: short', framed(query.subarray(0, query.length - 1))),
    bad('bytes after a query', 'rejected: trailing', framed(Uint8Array.of(...query, 0))),
    bad(
      'a tail after a refusal',
      'rejected: trailing',
      framed(Uint8Array.of(...reply(0, nobody, -5), 1)),
    ),
    bad('a code that nobody knows', 'rejected: code', coded(0x55)),
    bad('an extension that nobody knows', 'rejected: code', coded(0xff)),
    bad('an extension that is cut', 'rejected: short', cut(extension({ code: 0x80 }), wire)),
    bad('a request without a token', 'rejected: flags', framed(marked(wire, request('server'), 0))),
    bad('a negative token', 'rejected: flags', framed(marked(wire, request('server'), -1))),
    bad('a positive response', 'rejected: response', framed(positive)),
    bad('a request of endpoint 0', badEnd, framed(noSource)),
    bad('a packet for no flow', 'no flow', data),
    bad('a reply to nothing', 'unexpected', framed(reply(nobody, nobody))),
    bad('a name that nobody asked for', 'unexpected', framed(nameReply(world))),
    bad('a request for a name that is not here', 'unknown name', framed(request('nobody'))),
    bad('close of no flow', 'unexpected', extension({ code: ExtensionCode.close })),
    bad('closed of no flow', 'unexpected', extension({ code: ExtensionCode.closed })),
    bad('credit for no flow', 'unexpected', extension({ code: ExtensionCode.credit })),
    bad('sync of no flow', 'unexpected', extension({ code: ExtensionCode.sync })),
    bad('pending for nothing', 'unexpected', extension({ code: ExtensionCode.pending })),
    bad('withdrawal of what nobody had', 'unexpected', extension({ code: 0x85, hash })),
    bad('thanks for no withdrawal', 'unexpected', extension({ code: 0x86, hash })),
    ...(wire.addressed
      ? [
          bad('a source of zeros', 'rejected: mac', changed(data, macBytes, ...zeros)),
          bad('a group as source', 'rejected: mac', changed(data, macBytes, 1)),
          bad("a stranger's packet", 'foreign', changed(goodFrame, macBytes, ...stranger)),
        ]
      : []),
    ...formatsOwn(world, data, { bad, changed, framed }),
  ];
}

interface Makers {
  bad(what: string, counter: string, frame: Uint8Array): BadFrame;
  changed(frame: Uint8Array, at: number, ...bytes: number[]): Uint8Array;
  framed(payload: Uint8Array): Uint8Array;
}

/** What only one of the formats can have wrong. */
function formatsOwn(
  { wire }: FuzzWorld,
  data: Uint8Array,
  { bad, changed, framed }: Makers,
): BadFrame[] {
  switch (wire.format.name) {
    case 'eth-dix':
      return [
        bad('another ethertype', 'rejected: ethertype', changed(data, 12, 0x08, 0x00)),
        bad('a message of 9,001 bytes', 'rejected: big', framed(new Uint8Array(9001))),
      ];
    case 'eth-llc':
      return [
        bad('an ethertype as length', 'rejected: ethertype', changed(data, 12, 0x08, 0x00)),
        bad('a length below 3', 'rejected: length', changed(data, 12, 0, 2)),
        bad('a control byte of others', 'rejected: control', changed(data, 16, 0xf3)),
        bad('SAP 0', 'rejected: sap', changed(data, 14, 0)),
        bad("a SAP beyond C's table", 'rejected: sap', changed(data, 15, 0x03)),
      ];
    case 'raptor':
      return [
        bad('a frame beyond the ring', 'rejected: big', changed(data, 0, 0xff, 0xff)),
        bad('SAP 0', 'rejected: sap', changed(data, 2, 0)),
      ];
  }
}

function cut(frame: Uint8Array, { format }: EthWire): Uint8Array {
  const short = frame.slice(0, -1);
  format.setPayloadBytes(short, 0, short.length - format.headerBytes);
  return short;
}

function nameReply({ wire, b }: FuzzWorld): Uint8Array {
  return wire.format.management.encode({ kind: 'name-reply', hash: b.hash('unasked') });
}

function marked(wire: EthWire, request: Uint8Array, token: number): Uint8Array {
  mark(wire, 'flow-request', request, token);
  return request;
}

function responseOf({ marks }: EthWire) {
  // A request's token is where replies have their response.
  return marks['flow-request'].token!;
}
