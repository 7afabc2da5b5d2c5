/** Look-ups and updates at a real DNS server, and what does not come from one. */
import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encode } from 'dns-packet';
import { realClock, toHex } from '#lib/core/index.ts';
import { hashName } from '#lib/layer/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { ipText, parseIp } from '#lib/udp/index.ts';
import { DnsClient } from './dns-client.ts';
import { DnsDirectory } from './dns-directory.ts';
import { decodeAnswer, encodeQuestion, encodeUpdate } from './dns-message.ts';
import { HostsDirectory } from './hosts-directory.ts';
import { cannotRunNamed, type Named, startNamed } from './testing/named.ts';

const hashOf = (name: string) => toHex(hashName('MD5', name));
const timeout = 5000;
const texts = (ips: readonly Uint8Array[]) => ips.map(ipText).sort();

describe('messages', () => {
  it('delete one record, not all of a name', () => {
    const ip = parseIp('10.0.0.1')!;
    const update = encodeUpdate(7, { zone: '.', name: 'abc', ip, ttl: undefined });
    expect(toHex(update)).toBe(
      // id, opcode 5, one zone, no prerequisite, one update; zone . SOA IN; abc A NONE ttl 0, 4 bytes
      '0007280000010000000100000000060001' + '0361626300' + '000100fe00000000' + '00040a000001',
    );
    const six = encodeUpdate(7, { zone: '.', name: 'abc', ip: parseIp('fd00::1')!, ttl: 60 });
    expect(toHex(six)).toContain('0361626300' + '001c00010000003c' + '0010fd00');
  });

  it('are answers only to their question', () => {
    const question = encodeQuestion(7, 'abc', 'A');
    const answer = (id: number, name: string) =>
      encode({ type: 'response', id, questions: [{ type: 'A', name }] });
    expect(decodeAnswer(answer(7, 'abc'), question)).toMatchObject({ rcode: 'NOERROR' });
    expect(decodeAnswer(answer(8, 'abc'), question)).toBeUndefined();
    expect(decodeAnswer(answer(7, 'abd'), question)).toBeUndefined();
    expect(decodeAnswer(question, question)).toBeUndefined();
    expect(decodeAnswer(answer(7, 'abc').subarray(0, 14), question)).toBeUndefined();
    expect(decodeAnswer(new Uint8Array(3), question)).toBeUndefined();
  });
});

const missing = cannotRunNamed();
(missing === undefined ? describe : describe.skip)(`with BIND ${missing ?? ''}`, () => {
  let named: Named;
  const many = Array.from({ length: 100 }, (_, i) => `many 30 IN A 10.1.0.${i}\n`).join('');
  beforeAll(async () => {
    named = await startNamed(`short 1 IN A 10.0.0.9\nother 60 IN AAAA fd00::9\n${many}`);
  });
  afterAll(() => named?.close());

  function directory(ip: string, clock: ConstructorParameters<typeof DnsDirectory>[0]['clock']) {
    const { server, port } = named;
    const client = new DnsClient({ clock: realClock }, { server, port });
    return new DnsDirectory({ clock, client }, { ip: parseIp(ip)! });
  }

  it('finds a name while its members have it registered, by each family', async () => {
    const name = hashOf('server');
    const [a, b, six] = ['10.0.0.1', '10.0.0.2', 'fd00::1'].map((ip) => directory(ip, realClock));
    const find = (from = a) => from!.find(name, { timeout, fresh: true }).then(texts);
    expect(await find()).toEqual([]);
    await a!.register(name);
    await a!.register(name);
    await b!.register(name);
    await six!.register(name);
    expect(await find()).toEqual(['10.0.0.1', '10.0.0.2']);
    expect(await find(six)).toEqual(['fd00::1']);
    await a!.unregister(name);
    expect(await find()).toEqual(['10.0.0.2']);
    await b!.unregister(name);
    await six!.unregister(name);
    expect([await find(), await find(six)]).toEqual([[], []]);
    for (const d of [a, b, six]) d!.close();
  });

  it('believes an answer for as long as the server says', async () => {
    const clock = new SimClock();
    const d = directory('10.0.0.1', clock);
    const other = directory('10.0.0.9', realClock);
    const find = async () => texts(await d.find('short', { timeout }));
    expect(await find()).toEqual(['10.0.0.9']);
    await other.unregister('short');
    await clock.advance(999);
    expect(await find()).toEqual(['10.0.0.9']);
    await clock.advance(1);
    expect(await find()).toEqual([]);
    d.close();
    other.close();
  });

  it('asks over TCP for what does not fit', async () => {
    const d = directory('10.0.0.1', realClock);
    expect((await d.find('many', { timeout })).length).toBe(100);
    d.close();
  });

  it('says when the server refuses', async () => {
    const strict = await startNamed('', 'none');
    const { server, port } = strict;
    const client = new DnsClient({ clock: realClock }, { server, port });
    const d = new DnsDirectory({ clock: realClock, client }, { ip: parseIp('10.0.0.1')! });
    await expect(d.register('abc')).rejects.toMatchObject({ code: 'EACCES', fault: 'policy' });
    d.close();
    await strict.close();
  });
});

describe('without a server', () => {
  it('a look-up finds nothing in its time, and a registration fails', async () => {
    const silent = createSocket('udp4');
    await new Promise<void>((done) => silent.bind(0, '127.0.0.1', done));
    const clock = new SimClock();
    const client = new DnsClient({ clock }, { server: '127.0.0.1', port: silent.address().port });
    const d = new DnsDirectory({ clock, client }, { ip: parseIp('10.0.0.1')! });
    let asked = 0;
    silent.on('message', () => asked++);
    expect(await clock.run(d.find('abc', { timeout: 200 }))).toEqual([]);
    await expect(clock.run(d.register('abc'))).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    d.close();
    silent.close();
  });
});

describe('hosts', () => {
  it('come from the table, else from the resolver, once for all who ask at a time', async () => {
    const asked: string[] = [];
    const resolve = async (name: string) => {
      asked.push(name);
      if (name === 'gone') throw new Error('ENOTFOUND');
      return ['10.0.0.7', 'nonsense'];
    };
    const hosts = new Map([['here', [parseIp('10.0.0.8')!]]]);
    const d = new HostsDirectory({ clock: realClock, resolve }, { family: 'udp4', hosts });
    const find = (name: string) => d.find(name, { timeout }).then(texts);
    expect(await find('here')).toEqual(['10.0.0.8']);
    expect(await Promise.all([find('a'), find('a'), find('gone'), find('b')])).toEqual([
      ['10.0.0.7'],
      ['10.0.0.7'],
      [],
      ['10.0.0.7'],
    ]);
    expect(asked).toEqual(['a', 'gone', 'b']);
  });
});
