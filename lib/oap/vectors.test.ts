/** Messages of live runs of the C prototype (edge specification 9). */
import { describe, expect, it } from '@jest/globals';
import { toHex } from '#lib/core/index.ts';
import { vector } from '#lib/wire/fixtures/pcap.ts';
import { decodeOap, digests, isRejected, oapLayout } from '#lib/wire/index.ts';
import { matchResponse } from './client.ts';
import { nodeOapDeps } from './deps.ts';
import { OapServer } from './server.ts';

const { hash } = nodeOapDeps;
const { high, low } = oapLayout.at.timestamp;

/** When a message was made, ms; a test cannot say ns. */
function timeOf(message: Uint8Array): number {
  return (high(message, 0) * 2 ** 32 + low(message, 0)) / 1e6;
}

describe('TV-2', () => {
  const request = vector('TV-2 OAP request');
  const response = vector('TV-2 OAP response');

  it('the request is taken and answered as the C server did', () => {
    const server = new OapServer({ hash });
    const outcome = server.receive(request, timeOf(request) + 1);
    if (outcome.kind !== 'take') throw new RangeError(outcome.reason);
    const { exchange } = outcome;
    expect([exchange.features, exchange.takesData, exchange.data.length]).toEqual([
      undefined,
      false,
      0,
    ]);
    const { message, dataSent } = exchange.answer(timeOf(response), Uint8Array.of(1));
    expect(dataSent).toBe(false);
    message.set(response.subarray(16, 24), 16);
    expect(toHex(message)).toBe(toHex(response));
  });

  it('the response is the request’s, and no other’s', () => {
    expect(matchResponse(hash, request, response).kind).toBe('matched');
    const other = request.slice();
    other[20]! ^= 1;
    expect(matchResponse(hash, other, response)).toMatchObject({ reason: 'other request' });
    other[0]! ^= 1;
    expect(matchResponse(hash, other, response)).toMatchObject({ reason: 'other id' });
    expect(matchResponse(hash, request, response.subarray(0, 83))).toMatchObject({
      reason: 'malformed',
    });
  });
});

describe.each(['TV-7', 'TV-8'])('%s', (name) => {
  it('the request is taken', () => {
    const request = vector(`${name} request`).subarray(-36);
    const outcome = new OapServer({ hash }).receive(request, timeOf(request));
    expect(outcome.kind).toBe('take');
  });
});

describe.each([
  ['TV-4', 'sha256'],
  ['TV-5', 'sha384'],
] as const)('%s', (name, digest) => {
  const request = vector(`${name} OAP request`);
  const response = vector(`${name} OAP response`);

  it('the response is the request’s', () => {
    expect(matchResponse(hash, request, response).kind).toBe('matched');
    const message = decodeOap(response, digests[digest].bytes);
    if (isRejected(message)) throw new RangeError(`${message}`);
    expect(message.requestHash).toEqual(hash(digest, request));
  });

  it('the request is refused while there is no key exchange', () => {
    const outcome = new OapServer({ hash }).receive(request, timeOf(request));
    expect(outcome).toEqual({ kind: 'refuse', response: -1008, reason: 'key exchange' });
  });
});
