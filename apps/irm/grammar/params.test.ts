import { describe, expect, it } from '@jest/globals';
import { choice, flag, integer, ip, many, maybe, pid, required, text } from './params.ts';

const value = (read: { ok: boolean }) => (read as { value?: unknown }).value;
const refusal = (read: { ok: boolean }) => (read as { text?: string }).text;

describe('text', () => {
  it('takes any word but the empty one', () => {
    expect(value(text('NAME', '').read('a b', 'name'))).toBe('a b');
    expect(refusal(text('NAME', '').read('', 'name'))).toBe('"name" must not be empty.');
  });
});

describe('choice', () => {
  const types = { unicast: 'unicast', udp4: 'udp4', udp6: 'udp6', normal: 'unicast' } as const;

  it('wants exact words, and gives what they mean', () => {
    const type = choice('TYPE', '', types);
    expect(value(type.read('normal', 'type'))).toBe('unicast');
    expect(type.read('udp', 'type')).toEqual({
      ok: false,
      text: '"type" must be one of unicast, udp4, udp6, normal, not "udp".',
      near: 'udp4',
    });
  });

  it('takes the first by prefix where abbreviations are allowed', () => {
    const type = choice('TYPE', '', types, { prefix: true });
    expect(value(type.read('u', 'type'))).toBe('unicast');
    expect(value(type.read('ud', 'type'))).toBe('udp4');
    expect(type.read('', 'type').ok).toBe(false);
  });
});

describe('integer', () => {
  const port = integer('PORT', '', { least: 1, most: 65535 });
  const ethertype = integer('ETHERTYPE', '', { least: 0x600, most: 0xfffe, hex: true });

  it.each(['0', '65536', '-1', '1.5', '1e3', '', ' 1', '0x10', '99999999999999999999'])(
    'refuses %j as a port',
    (word) => {
      expect(refusal(port.read(word, 'port'))).toBe(
        `"port" must be a number from 1 to 65535, not "${word}".`,
      );
    },
  );

  it('reads decimal and hexadecimal', () => {
    expect(value(port.read('3435', 'port'))).toBe(3435);
    expect(value(ethertype.read('A000', 'ethertype'))).toBe(0xa000);
    expect(value(ethertype.read('0xa000', 'ethertype'))).toBe(0xa000);
    expect(refusal(ethertype.read('FFFF', 'ethertype'))).toBe(
      '"ethertype" must be a number from 0x0600 to 0xFFFE, not "FFFF".',
    );
  });
});

describe('other kinds', () => {
  it('ip takes both families', () => {
    expect(value(ip('').read('192.0.2.1', 'ip'))).toBe('192.0.2.1');
    expect(value(ip('').read('2001:db8::1', 'ip'))).toBe('2001:db8::1');
    expect(refusal(ip('').read('192.0.2', 'ip'))).toBe(
      '"ip" must be an IPv4 or IPv6 address, not "192.0.2".',
    );
  });

  it('pid says it as the prototype does', () => {
    expect(value(pid('').read('6417', 'PID'))).toBe(6417);
    for (const word of ['x', '0', '-5', '6417x', '4294967296'])
      expect(refusal(pid('').read(word, 'PID'))).toBe(`"${word}" is not a valid process id.`);
  });

  it('flags, lists and optional values have their defaults', () => {
    expect(flag('').absent).toBe(false);
    expect(many(text('LAYER', '')).absent).toEqual([]);
    expect(maybe(integer('HOPS', '', { least: 1, most: 255 }), 60).bare).toBe(60);
    expect(required(text('NAME', '')).required).toBe(true);
  });
});
