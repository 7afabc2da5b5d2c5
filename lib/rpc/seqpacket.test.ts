import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { realClock } from '#lib/core/index.ts';
import { MessageSocket, os } from '#lib/os/index.ts';
import { type Methods, method, RpcPeer } from './peer.ts';
import { connectChannel, type SeqpacketChannel, SeqpacketServer } from './seqpacket.ts';

let dir: string;
let server: SeqpacketServer;
let path: string;

const deps = (channel: SeqpacketChannel) => ({ channel, clock: realClock, closeFd: os.close });

function serve(methods: Methods, maxConnections = 8): void {
  server = new SeqpacketServer({}, { path, maxConnections }, (channel) => {
    new RpcPeer(deps(channel), { methods });
  });
}

/** How many of our descriptors are this file. */
const holders = (inode: number) =>
  readdirSync('/proc/self/fd').filter((fd) => os.inode(Number(fd)) === inode).length;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ouro-rpc-'));
  path = join(dir, 's');
});
afterEach(() => {
  server.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('RPC over a seqpacket socket', () => {
  it('knows who calls, and moves descriptors', async () => {
    serve({
      swap: method(z.object({ data: z.instanceof(Uint8Array) }), (p, c) => ({
        result: { cred: c.cred, data: p.data },
        fds: c.fds,
      })),
    });
    const client = new RpcPeer(deps(connectChannel(path)));
    const memfd = os.memfdCreate('t', 4096);
    const inode = os.inode(memfd);
    const { result, fds } = await client.call(
      'swap',
      { data: new Uint8Array([1, 2, 3]) },
      { fds: [memfd] },
    );
    expect(result.cred.pid).toBe(process.pid);
    expect([...result.data]).toEqual([1, 2, 3]);
    expect(fds.map((fd) => os.inode(fd))).toEqual([inode]);
    for (const fd of fds) os.close(fd);
    expect(holders(inode)).toBe(0);
    client.close();
  });

  it('drops a connection that sends garbage and keeps the others', async () => {
    serve({ ping: method(z.object({}), () => ({ result: 'pong' })) });
    const good = new RpcPeer(deps(connectChannel(path)));
    const bad = MessageSocket.connect(path);
    const gone = new Promise<void>((r) => bad.onClose(() => r()));
    bad.send(new Uint8Array([0xc1, 0xff, 0x00]));
    await gone;
    expect((await good.call('ping')).result).toBe('pong');
    good.close();
  });

  it('closes connections above its bound', async () => {
    serve({ ping: method(z.object({}), () => ({ result: 'pong' })) }, 1);
    const first = new RpcPeer(deps(connectChannel(path)));
    await first.call('ping');
    const second = new RpcPeer(deps(connectChannel(path)));
    await expect(second.call('ping')).rejects.toMatchObject({ code: 'EIRMD' });
    expect((await first.call('ping')).result).toBe('pong');
    first.close();
  });

  it('says so when nobody serves the path', () => {
    serve({});
    expect(() => connectChannel(join(dir, 'none'))).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
  });

  it('refuses a message above the limit before it is sent', async () => {
    serve({ ping: method(z.object({}).loose(), () => ({ result: 'pong' })) });
    const client = new RpcPeer(deps(connectChannel(path)));
    await expect(client.call('ping', { big: new Uint8Array(70_000) })).rejects.toMatchObject({
      code: 'EMSGSIZE',
    });
    expect((await client.call('ping')).result).toBe('pong');
    client.close();
  });
});
