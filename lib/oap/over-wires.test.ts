/** A flow allocation as two IPCPs do it, with every byte on its wire: lib/wire and lib/oap together. */
import { describe, expect, it } from '@jest/globals';
import { noBytes, qosData, utf8 } from '#lib/core/index.ts';
import {
  dixFormat,
  type EthFormat,
  isRejected,
  llcFormat,
  type ManagementCodec,
  type ManagementMessage,
  parseMac,
  raptorManagement,
  udpManagement,
} from '#lib/wire/index.ts';
import { OapClient, type OapClientConfig } from './client.ts';
import { seededDeps, start } from './fixtures/peers.ts';
import { OapServer } from './server.ts';

type Carry = (message: ManagementMessage) => ManagementMessage;

const hello = utf8('x'.repeat(1000));
const welcome = utf8('y'.repeat(1000));
const a = parseMac('02:00:00:00:00:0a');
const b = parseMac('02:00:00:00:00:0b');

function overCodec(codec: ManagementCodec<ManagementMessage>, hashBytes: number): Carry {
  return (message) => {
    const bytes = codec.encode(message);
    const arrived = codec.decode(bytes, 0, bytes.length, hashBytes);
    if (isRejected(arrived)) throw new RangeError(`${arrived}`);
    return arrived;
  };
}

function overEthernet(format: EthFormat): Carry {
  return (message) => {
    const payload = format.management.encode(message);
    expect(payload.length).toBeLessThanOrEqual(format.maxPayload(1500));
    const header = format.header(b, a, format.managementEnds);
    format.setPayloadBytes(header, 0, payload.length);
    const frame = Uint8Array.of(...header, ...payload);
    expect([format.check(frame, 0, frame.length), format.isManagement(frame, 0)]).toEqual([
      0,
      true,
    ]);
    const end = format.headerBytes + format.payloadBytes(frame, 0);
    const arrived = format.management.decode(frame, format.headerBytes, end, 32);
    if (isRejected(arrived)) throw new RangeError(`${arrived}`);
    return arrived;
  };
}

/** Allocates from endpoint 5 to endpoint 6; gives what both programs got, and the round trips it took. */
function allocate(carry: Carry, hashBytes: number, config: OapClientConfig) {
  const client = new OapClient(seededDeps(1), config);
  const server = new OapServer(seededDeps(2));
  const hash = new Uint8Array(hashBytes).fill(3);
  let data = client.request(start);
  for (let trips = 1; ; trips++) {
    const request = carry({ kind: 'flow-request', source: 5, qos: qosData, hash, data });
    if (request.kind !== 'flow-request') throw new RangeError(request.kind);
    expect(request).toMatchObject({ source: 5, qos: qosData, hash });

    const outcome = server.receive(request.data, start + trips);
    const answer =
      outcome.kind === 'take'
        ? { response: 0, data: outcome.exchange.answer(start + trips, welcome).message }
        : { response: outcome.response, data: noBytes };
    const reply = carry({ kind: 'flow-reply', source: 6, destination: request.source, ...answer });
    if (reply.kind !== 'flow-reply') throw new RangeError(reply.kind);
    expect([reply.source, reply.destination]).toEqual([6, 5]);

    const done = client.receive(reply.response, reply.data, start + trips);
    if (done.kind !== 'again') {
      const arrived = outcome.kind === 'take' ? outcome.exchange.data : undefined;
      return { done, arrived, trips };
    }
    data = done.request;
  }
}

describe('1,000 bytes with the handshake, both ways', () => {
  it.each([
    ['eth-dix', overEthernet(dixFormat()), 32, false],
    ['eth-llc', overEthernet(llcFormat), 32, false],
    ['udp', overCodec(udpManagement as ManagementCodec<ManagementMessage>, 16), 16, false],
    ['eth-dix, known peer', overEthernet(dixFormat()), 32, true],
    ['raptor, where all peers are ours', overCodec(raptorManagement, 32), 32, true],
  ] as const)('%s', (_name, carry, hashBytes, peerTakesData) => {
    const { done, arrived, trips } = allocate(carry, hashBytes, { data: hello, peerTakesData });
    expect(done).toEqual({ kind: 'complete', data: welcome, features: 0, dataTaken: true });
    expect(arrived).toEqual(hello);
    expect(trips).toBe(peerTakesData ? 1 : 2);
  });
});
