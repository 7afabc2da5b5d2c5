import { expect, test } from '@jest/globals';
import { InetListeners } from './inet-listeners.ts';
import { LOOPBACK4, LOOPBACK6, parseIp } from './ip.ts';

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n';
const files: Record<string, string> = {
  udp: `${HEAD}  1: 3500007F:0035 00000000:0000 07 00000000:00000000
  2: 0100007F:0043 0200007F:0044 01 00000000:00000000
  3: 00000000:0202 00000000:0000 07 00000000:00000000\n`,
  udp6: `${HEAD}  1: 00000000000000000000000001000000:0035 00000000000000000000000000000000:0000 07
  2: 00000000000000000000000000000000:14E9 00000000000000000000000000000000:0000 07\n`,
  tcp: `${HEAD}  1: 0100007F:0035 00000000:0000 0A 00000000:00000000
  2: 0100007F:1F90 0100007F:A000 01 00000000:00000000\n`,
};
const inet = new InetListeners({
  read: (name) => {
    const text = files[name];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  },
});

test('finds what takes a datagram: by its address, by any address, and by any IPv6 address', () => {
  expect(inet.has('udp', parseIp('127.0.0.53')!, 53)).toBe(true);
  expect(inet.has('udp', LOOPBACK4, 53)).toBe(false);
  expect(inet.has('udp', LOOPBACK4, 514)).toBe(true);
  expect(inet.has('udp', LOOPBACK6, 53)).toBe(true);
  expect(inet.has('udp', LOOPBACK4, 5353)).toBe(true);
});

test('connected sockets take nothing from others, and IPv6 may not exist', () => {
  expect(inet.has('udp', LOOPBACK4, 67)).toBe(false);
  expect(inet.has('tcp', LOOPBACK4, 53)).toBe(true);
  expect(inet.has('tcp', LOOPBACK4, 8080)).toBe(false);
  expect(inet.has('tcp', LOOPBACK6, 53)).toBe(false);
});
