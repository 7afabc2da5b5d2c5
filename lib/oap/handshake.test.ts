import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Errno, noBytes, UsageError, utf8 } from '#lib/core/index.ts';
import { decodeOap, encodeOap, noKex, type OapMessage, Verdict } from '#lib/wire/index.ts';
import { OapClient, type OapClientConfig } from './client.ts';
import { cServer, seededDeps, start } from './fixtures/peers.ts';
import { Feature } from './mark.ts';
import { askAgain } from './message.ts';
import type { ClientSecurity, ServerSecurity } from './security.ts';
import { OapServer } from './server.ts';

const hello = utf8('port 27960');
const welcome = utf8('stream 7');
const { hash } = seededDeps(0);

function newClient(config: OapClientConfig, seed = 1): OapClient {
  return new OapClient(seededDeps(seed), config);
}

/** The exchange of a request that the server takes. */
function taken(server: OapServer, request: Uint8Array, now = start) {
  const outcome = server.receive(request, now);
  if (outcome.kind !== 'take') throw new RangeError(outcome.reason);
  return outcome.exchange;
}

describe('between two nodes of ours', () => {
  it('data goes along when the peer is known, and an answer comes back', () => {
    const server = new OapServer({ hash }, { features: 0x0100 });
    const client = newClient({ data: hello, peerTakesData: true, features: 0x0400 });
    const exchange = taken(server, client.request(start));
    expect([exchange.data, exchange.features, exchange.takesData]).toEqual([hello, 0x0400, true]);
    const { message, dataSent } = exchange.answer(start + 1, welcome);
    expect(dataSent).toBe(true);
    expect(client.receive(0, message, start + 2)).toEqual({
      kind: 'complete',
      data: welcome,
      features: 0x0100,
      dataTaken: true,
    });
    expect([client.state, exchange.state]).toEqual(['complete', 'answered']);
  });

  it('data follows when it is asked for', () => {
    const server = new OapServer({ hash });
    const client = newClient({ data: hello });
    const first = client.request(start);
    expect(first).toHaveLength(36);
    const outcome = server.receive(first, start);
    expect(outcome).toEqual({ kind: 'refuse', response: askAgain, reason: 'data held' });

    const again = client.receive(askAgain, noBytes, start + 5);
    if (again.kind !== 'again') throw new RangeError(again.kind);
    const exchange = taken(server, again.request, start + 5);
    expect([exchange.data, exchange.features]).toEqual([hello, 0]);
    expect(client.receive(0, exchange.answer(start + 6).message, start + 7)).toEqual({
      kind: 'complete',
      data: noBytes,
      features: 0,
      dataTaken: true,
    });
  });

  it('nothing is asked for when there is nothing', () => {
    const server = new OapServer({ hash });
    const client = newClient({});
    const exchange = taken(server, client.request(start));
    const done = client.receive(0, exchange.answer(start, welcome).message, start);
    expect(done).toMatchObject({ kind: 'complete', data: welcome, dataTaken: true });
  });

  it('a refusal is the server’s last word', () => {
    const server = new OapServer({ hash });
    const client = newClient({});
    const exchange = taken(server, client.request(start));
    exchange.refuse();
    expect(client.receive(-Errno.EACCES, noBytes, start)).toEqual({
      kind: 'refused',
      response: -Errno.EACCES,
    });
    expect(() => exchange.answer(start)).toThrow('cannot go from refused to answered');
    expect(client.receive(0, noBytes, start)).toEqual({ kind: 'ignored' });
  });
});

describe('with a C server', () => {
  it('a flow comes up without data', () => {
    const client = newClient({ data: hello });
    const { response, message } = cServer(client.request(start));
    expect(message).toHaveLength(84);
    expect(client.receive(response, message, start)).toEqual({
      kind: 'complete',
      data: noBytes,
      features: undefined,
      dataTaken: false,
    });
  });

  it('the request is what a C client sends, but for the random id', () => {
    const request = newClient({ data: hello, features: 0x8000 }).request(start + 0.5);
    expect(decodeOap(request, 0)).toEqual({
      id: request.slice(0, 16),
      timestamp: BigInt(start) * 1_000_000n + 500_000n,
      cipher: 0,
      kdf: 0,
      digest: 0,
      certificate: noBytes,
      kex: noKex,
      data: noBytes,
      requestHash: noBytes,
      signature: noBytes,
    });
  });

  it('data of a future one is taken as the format says', () => {
    const client = newClient({});
    const { message } = cServer(client.request(start));
    const response = decodeOap(message, 48) as OapMessage;
    const more = encodeOap({ ...response, data: welcome });
    expect(client.receive(0, more, start)).toMatchObject({ data: welcome, features: undefined });
  });
});

describe('without extensions', () => {
  it('neither end offers or sends anything', () => {
    const plain = newClient({ data: hello, peerTakesData: true, extensions: false });
    const exchange = taken(new OapServer({ hash }), plain.request(start));
    expect([exchange.takesData, exchange.data]).toEqual([false, noBytes]);
    const { message } = exchange.answer(start, welcome);
    expect(message).toHaveLength(84);
    expect(plain.receive(0, message, start)).toMatchObject({ data: noBytes, dataTaken: false });

    const client = newClient({ data: hello });
    const mute = new OapServer({ hash }, { extensions: false });
    expect(taken(mute, client.request(start)).takesData).toBe(false);
  });

  it('dataHeld is not the caller’s to offer', () => {
    expect(() => newClient({ features: Feature.dataHeld })).toThrow(UsageError);
    expect(() => new OapServer({ hash }, { features: Feature.dataHeld })).toThrow(UsageError);
    expect(() => newClient({ features: 0x10000 }).request(start)).toThrow(UsageError);
  });
});

describe('the server refuses', () => {
  const request = newClient({}).request(start);
  const receive = (bytes: Uint8Array, now = start, server = new OapServer({ hash })) =>
    server.receive(bytes, now);

  it('what is malformed', () => {
    expect(receive(Uint8Array.of(...request, 0))).toEqual({
      kind: 'refuse',
      response: -1009,
      reason: 'malformed',
      verdict: Verdict.trailing,
    });
  });

  it.each([
    [20_000.9, 'take'],
    [20_001, 'stale'],
    [-100.9, 'take'],
    [-101, 'early'],
  ])('what is not fresh: %p ms later', (later, expected) => {
    const outcome = receive(request, start + later);
    expect(outcome.kind === 'take' ? 'take' : outcome.reason).toBe(expected);
    if (outcome.kind === 'refuse') expect(outcome.response).toBe(-1009);
  });

  it('copies', () => {
    const server = new OapServer({ hash });
    expect(receive(request, start, server).kind).toBe('take');
    for (const later of [0, 19_999])
      expect(receive(request, start + later, server)).toEqual({
        kind: 'refuse',
        response: -1009,
        reason: 'replay',
      });
  });

  it('certificates and keys that it cannot judge', () => {
    const plain = decodeOap(request, 0) as OapMessage;
    const some = Uint8Array.of(1, 2);
    const certified = encodeOap({ ...plain, certificate: some, signature: some });
    expect(receive(certified)).toMatchObject({ response: -1009, reason: 'certificate' });
    const keyed = encodeOap({ ...plain, cipher: 901, kex: { ...noKex, data: some } });
    expect(receive(keyed)).toMatchObject({ response: -1008, reason: 'key exchange' });
  });
});

describe('the client gives up', () => {
  it('when the response is not its own', () => {
    const client = newClient({});
    client.request(start);
    const { message } = cServer(newClient({}, 2).request(start));
    expect(client.receive(0, message, start)).toEqual({
      kind: 'failed',
      errno: 'EAUTH',
      reason: 'other id',
    });
  });

  it('when it is asked for what it does not have, but not when asked twice', () => {
    const empty = newClient({});
    empty.request(start);
    expect(empty.receive(askAgain, noBytes, start)).toEqual({
      kind: 'failed',
      errno: 'EPROTO',
      reason: 'unexpected',
    });

    const held = newClient({ data: hello });
    held.request(start);
    expect(held.receive(askAgain, noBytes, start).kind).toBe('again');
    expect(held.receive(askAgain, noBytes, start)).toEqual({ kind: 'ignored' });
    expect(held.state).toBe('asked-again');
  });

  it('when a certificate comes that it cannot judge', () => {
    const client = newClient({});
    const response = decodeOap(cServer(client.request(start)).message, 48) as OapMessage;
    const certified = encodeOap({ ...response, certificate: Uint8Array.of(1) });
    expect(client.receive(0, certified, start)).toEqual({
      kind: 'failed',
      errno: 'EAUTH',
      reason: 'certificate',
    });
  });

  it('when it is told to', () => {
    const client = newClient({});
    const { message } = cServer(client.request(start));
    client.abandon();
    client.abandon();
    expect(client.receive(0, message, start)).toEqual({ kind: 'ignored' });
    expect(() => client.request(start)).toThrow('cannot go from abandoned to asked');
  });
});

describe('the seam for security', () => {
  const fields = {
    cipher: 901,
    kdf: 672,
    digest: 672,
    certificate: Uint8Array.of(9),
    kex: { ...noKex, data: Uint8Array.of(8, 8) },
  };
  const key = { cipher: 901, key: new Uint8Array(32) };
  const sign = (bytes: Uint8Array) => hash('sha256', bytes);
  const signed = (message: OapMessage, encoded: Uint8Array) =>
    Buffer.from(message.signature).equals(hash('sha256', encoded.subarray(0, -32)));

  it('carries fields, signatures and keys', () => {
    const clientSecurity: ClientSecurity = {
      fields,
      sign,
      complete: (response, encoded) =>
        signed(response, encoded) ? { key } : { refused: 'EAUTH' as const },
    };
    const serverSecurity: ServerSecurity = {
      negotiate: (request, encoded) =>
        signed(request, encoded) ? { fields, sign, key } : { refused: 'EAUTH' as const },
    };
    const client = new OapClient({ ...seededDeps(3), security: clientSecurity }, { data: hello });
    const server = new OapServer({ hash });
    client.request(start);
    const again = client.receive(askAgain, noBytes, start);
    if (again.kind !== 'again') throw new RangeError(again.kind);
    const outcome = server.receive(again.request, start, serverSecurity);
    if (outcome.kind !== 'take') throw new RangeError(outcome.reason);
    expect([outcome.exchange.key, outcome.exchange.data]).toEqual([key, hello]);
    const { message } = outcome.exchange.answer(start, welcome);
    expect(client.receive(0, message, start)).toMatchObject({
      kind: 'complete',
      key,
      data: welcome,
    });
  });

  it('refuses on both ends', () => {
    for (const [refused, response] of [
      ['EAUTH', -1009],
      ['ECRYPT', -1008],
    ] as const) {
      const negotiate = () => ({ refused });
      const client = new OapClient(
        { ...seededDeps(4), security: { fields, sign, complete: negotiate } },
        {},
      );
      const request = client.request(start);
      const server = new OapServer({ hash });
      expect(server.receive(request, start, { negotiate })).toMatchObject({ response });
      const open = { negotiate: () => ({ fields, sign }) };
      const outcome = new OapServer({ hash }).receive(request, start, open);
      if (outcome.kind !== 'take') throw new RangeError(outcome.reason);
      const { message } = outcome.exchange.answer(start);
      expect(client.receive(0, message, start)).toMatchObject({ kind: 'failed', errno: refused });
    }
  });
});

describe('any course of events', () => {
  it('ends at most once, reaches C peers without data, and tells the truth about data', () => {
    const event = fc.oneof(
      fc.constant('server' as const),
      fc.constant('replay' as const),
      fc.constant('c-server' as const),
      fc.constant('corrupt' as const),
      fc.constant('refusal' as const),
      fc.constant('ask again' as const),
      fc.constant('abandon' as const),
    );
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 8 }),
        fc.boolean(),
        fc.nat(),
        (events, hasData, seed) => {
          const server = new OapServer({ hash });
          const client = newClient(hasData ? { data: hello } : {}, seed);
          let request = client.request(start);
          const arrived: Uint8Array[] = [];
          let ends = 0;
          for (const [step, what] of events.entries()) {
            const now = start + step;
            if (what === 'abandon') {
              client.abandon();
              continue;
            }
            // A C peer is asked first or never: it has no say once a node of ours has answered.
            if (what === 'c-server' && client.state !== 'asked') continue;
            const reply = answer(what, request, server, now, arrived);
            const outcome = client.receive(reply.response, reply.message, now);
            if (outcome.kind === 'again') request = outcome.request;
            if (['complete', 'refused', 'failed'].includes(outcome.kind)) ends++;
            if (outcome.kind === 'complete' && hasData)
              expect(outcome.dataTaken).toBe(
                what !== 'c-server' && arrived.at(-1)?.length === hello.length,
              );
          }
          expect(ends).toBeLessThanOrEqual(1);
          for (const data of arrived) expect(data).toEqual(hasData ? hello : noBytes);
        },
      ),
      { seed: 5, numRuns: 300 },
    );
  });

  function answer(
    what: string,
    request: Uint8Array,
    server: OapServer,
    now: number,
    arrived: Uint8Array[],
  ): { response: number; message: Uint8Array } {
    if (what === 'c-server') return cServer(request);
    if (what === 'refusal') return { response: -Errno.EIPCP, message: noBytes };
    if (what === 'ask again') return { response: askAgain, message: noBytes };
    const outcome = server.receive(request, now);
    if (outcome.kind === 'refuse') return { response: outcome.response, message: noBytes };
    arrived.push(outcome.exchange.data);
    const { message } = outcome.exchange.answer(now, welcome);
    if (what === 'corrupt') message[message.length - 1]! ^= 1;
    if (what === 'replay') server.receive(request, now);
    return { response: 0, message };
  }
});
