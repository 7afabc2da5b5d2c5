import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { os } from '#lib/os/index.ts';
import { parseIp } from '../addr/ip.ts';
import {
  type ConnectionName,
  connectionName,
  connectionNameBytes,
  gatewayId,
  parseConnectionName,
} from './connection-name.ts';
import { parseSocketList, SocketListReader } from './socket-list.ts';

const gwid = gatewayId('/tmp/gw of this test');
const sample: ConnectionName = {
  family: 4,
  local: parseIp('127.0.0.1') ?? '',
  localPort: 40_001,
  peer: parseIp('100.64.0.1') ?? '',
  peerPort: 80,
  serial: 0xdeadbeef,
};

const fds: number[] = [];
afterEach(() => {
  for (const fd of fds.splice(0)) os.close(fd);
});
const keep = (fd: number): number => {
  fds.push(fd);
  return fd;
};

describe('connection names', () => {
  it('spell a connection, and read back', () => {
    const name = connectionName(gwid, sample);
    expect(name).toMatch(/^ouro\/[0-9a-f]{8}\/4/);
    expect(name.length).toBeLessThan(107);
    expect(parseConnectionName(gwid, name)).toEqual(sample);
    expect(connectionNameBytes(gwid, sample)[0]).toBe(0);
  });

  it('of other gateways, and garbage, are nobody', () => {
    const name = connectionName(gwid, sample);
    for (const bad of [
      '',
      'x',
      name.slice(1),
      `${name}0`,
      name.replace('/4', '/5'),
      name.toUpperCase(),
    ])
      expect(parseConnectionName(gwid, bad)).toBeUndefined();
    expect(parseConnectionName('00000000', name)).toBeUndefined();
  });
});

describe('the list of sockets', () => {
  it('has the sockets of this process, and the names of live connections', () => {
    const fd = keep(os.socket('stream'));
    const reader = new SocketListReader();
    const prefix = `ouro/${gwid}/`;
    expect(reader.read(prefix).inodes.has(os.inode(fd))).toBe(true);
    expect(reader.read(prefix).names.size).toBe(0);
    expect(os.bindName(fd, connectionNameBytes(gwid, sample))).toBe(0);
    const { names } = reader.read(prefix);
    expect([...names]).toEqual([[connectionName(gwid, sample), os.inode(fd)]]);
    const gone = os.inode(fd);
    os.close(fds.pop() ?? -1);
    expect(reader.read(prefix).names.size).toBe(0);
    expect(reader.read(prefix).inodes.has(gone)).toBe(false);
  });

  it('is read as the kernel writes it', () => {
    const text = readFileSync('/proc/net/unix', 'latin1');
    const lines = text.trim().split('\n').slice(1);
    const mine = new Set(lines.map((l) => Number(l.split(/\s+/)[6])).filter((n) => n > 0));
    expect(parseSocketList(text, 'none/').inodes).toEqual(mine);
    expect(parseSocketList('', 'x').inodes.size).toBe(0);
    expect(parseSocketList('Num\nbroken line\n', 'x').inodes.size).toBe(0);
  });
});
