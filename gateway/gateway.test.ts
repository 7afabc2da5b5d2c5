/** The gateway with its real neighbours (irmd, the local layer, rings, the kernel's sockets), spoken to as a shim would. */
import { existsSync, readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FlowFlag } from '#lib/dev/index.ts';
import { os } from '#lib/os/index.ts';
import { TestHost } from './testing/host.ts';
import { readAll, turns, writeAll } from './testing/ring-end.ts';
import { Action, Op, ReqFlag } from './testing/shim-client.ts';

const { ECONNREFUSED, EADDRINUSE, EADDRNOTAVAIL, EHOSTUNREACH, EACCES, ENOENT, EINVAL } =
  constants.errno;

let host: TestHost;
beforeEach(async () => {
  host = await TestHost.start();
});
afterEach(async () => {
  await host.close();
});

const text = async (fd: number, length: number) => (await readAll(fd, length)).toString('latin1');
const flows = async () => (await host.irm.listFlows()).length;

async function exchange(a: number, b: number): Promise<void> {
  await writeAll(a, Buffer.from('there'));
  expect(await text(b, 5)).toBe('there');
  await writeAll(b, Buffer.from('back'));
  expect(await text(a, 4)).toBe('back');
}

describe('streams', () => {
  it('joins two programs directly, as a flow that irmd lists, until the connection ends', async () => {
    const { shim } = host;
    const server = await shim.listen('0.0.0.0', 8000);
    expect(server.reply).toMatchObject({ err: 0, local: '0.0.0.0', localPort: 8000 });
    const client = await shim.connect('127.0.0.1', 8000);
    expect(client.reply).toMatchObject({
      action: Action.DIRECT,
      local: '127.0.0.1',
      peer: '127.0.0.1',
      peerPort: 8000,
    });
    const accepted = await shim.accept(server.fd);
    expect(accepted.from).toBe(`127.0.0.1:${client.reply.localPort}`);
    await exchange(client.fd, accepted.fd);
    expect(await flows()).toBe(2);
    const { items } = await host.admin('ps');
    expect((items as { via?: string }[]).filter((row) => row.via === 'direct')).toHaveLength(2);

    shim.closeFd(client.fd);
    host.clock.offset += 5000;
    await host.admin('ps');
    await host.admin('ps');
    let left = 2;
    await turns(() => {
      void flows().then((n) => {
        left = n;
      });
      return left === 0;
    }, 'the flows to go');
    expect((await host.admin('status')).connections).toBe(0);
  });

  it('carries streams itself when the program asks for it', async () => {
    const { shim } = host;
    const server = await shim.listen('127.0.0.1', 8000);
    const client = await shim.connect('127.0.0.1', 8000, { flags: ReqFlag.RELAY });
    expect(client.reply.action).toBe(Action.RELAY);
    const accepted = await shim.accept(server.fd);
    expect(accepted.from).toBe(`127.0.0.1:${client.reply.localPort}`);
    await exchange(client.fd, accepted.fd);
    const { items } = await host.admin('ps');
    const relayed = (items as { via?: string; sent?: number }[]).filter(
      (row) => row.via === 'gateway',
    );
    expect(relayed.map((row) => row.sent).sort()).toEqual([4, 5]);
    shim.closeFd(client.fd);
    expect(await text(accepted.fd, 1)).toBe('');
    shim.closeFd(accepted.fd);
  });

  it('refuses as the kernel would', async () => {
    const { shim } = host;
    expect((await shim.ask('127.0.0.1', 8000)).reply.err).toBe(ECONNREFUSED);
    expect((await shim.ask('127.0.0.1', 0)).reply.err).toBe(ECONNREFUSED);
    expect((await shim.ask('100.64.200.200', 80)).reply.err).toBe(EHOSTUNREACH);
    expect((await shim.listen('192.0.2.77', 80)).reply.err).toBe(EADDRNOTAVAIL);
    const lo = await shim.listen('127.0.0.1', 8000);
    expect((await shim.ask('::1', 8000)).reply.err).toBe(ECONNREFUSED);
    expect((await shim.listen('0.0.0.0', 8000)).reply.err).toBe(EADDRINUSE);
    expect(
      (await shim.request(Op.BIND, { ino: lo.ino, family: 4, address: '0.0.0.0', type: 1 })).err,
    ).toBe(EINVAL);
    expect((await shim.ask('8.8.8.8', 53)).reply.action).toBe(Action.PASS);
  });

  it('gives the port of a socket that was closed a moment ago', async () => {
    const { shim } = host;
    const first = await shim.listen('0.0.0.0', 8000);
    shim.closeFd(first.fd);
    const second = await shim.listen('0.0.0.0', 8000);
    expect(second.reply.err).toBe(0);
    const client = await shim.connect('127.0.0.1', 8000);
    await exchange(client.fd, (await shim.accept(second.fd)).fd);
    expect(readdirSync(join(host.folder, 's', 'l'))).toHaveLength(1);
  });

  it('serves IPv6, and IPv4 on a dual-stack socket', async () => {
    const { shim } = host;
    const server = await shim.listen('::', 8000);
    const six = await shim.connect('::1', 8000);
    expect((await shim.accept(server.fd)).from).toBe(`::1:${six.reply.localPort}`);
    const four = await shim.connect('127.0.0.1', 8000);
    expect(four.reply.action).toBe(Action.DIRECT);
    expect((await shim.accept(server.fd)).from).toBe(`127.0.0.1:${four.reply.localPort}`);
  });

  it('waits for room in a full accept queue', async () => {
    const { shim } = host;
    const server = await shim.listen('127.0.0.1', 8000);
    os.listen(server.fd, 0);
    const one = await shim.connect('127.0.0.1', 8000);
    const two = await shim.connect('127.0.0.1', 8000, { flags: ReqFlag.RELAY });
    await exchange(one.fd, (await shim.accept(server.fd)).fd);
    await exchange(two.fd, (await shim.accept(server.fd)).fd);
  });
});

describe('names', () => {
  it('resolves a name to a stable address, connects by it, and finds the name again', async () => {
    const { shim } = host;
    expect((await shim.request(Op.RESOLVE, { text: 'web', family: 0 })).err).toBe(ENOENT);
    const run = await host.run({ names: ['web'] });
    const server = await shim.listen('0.0.0.0', 8000, { run });
    await turns(() => host.gateway.status().sockets === 1, 'the server');
    host.clock.offset += 3000;
    let found = await shim.request(Op.RESOLVE, { text: 'web', family: 0 });
    await turns(() => {
      void shim.request(Op.RESOLVE, { text: 'web', family: 0 }).then((r) => {
        found = r;
      });
      host.clock.offset += 3000;
      return found.err === 0;
    }, 'the name');
    expect(found.addr4).toMatch(/^100\.64\./);
    expect(found.peer).toMatch(/^fd4f:/);
    const client = await shim.connect(found.addr4, 8000);
    expect(client.reply.action).toBe(Action.DIRECT);
    expect(client.reply.local).toMatch(/^100\.64\./);
    expect(client.reply.local).not.toBe(found.addr4);
    await exchange(client.fd, (await shim.accept(server.fd)).fd);
    const reverse = await shim.request(Op.REVERSE, { address: found.addr4 });
    expect(reverse.text).toBe('web');
    expect((await shim.request(Op.REVERSE, { address: '8.8.8.8' })).err).toBe(ENOENT);
    // An IPv4 server is reached over IPv6 through the gateway, which gives each its own family.
    const six = await shim.connect(found.peer, 8000);
    expect(six.reply.action).toBe(Action.RELAY);
    const accepted = await shim.accept(server.fd);
    expect(accepted.from).toMatch(/^100\.64\./);
    await exchange(six.fd, accepted.fd);
    expect((await shim.ask(found.addr4, 8001)).reply.err).toBe(ECONNREFUSED);
  });

  it('lets a native program in, at the default port, as raw packets', async () => {
    const run = await host.run({ names: ['raw'] });
    const server = await host.shim.listen('127.0.0.1', 8000, { run });
    const dev = host.dev('native');
    await turns(() => host.gateway.status().sockets === 1, 'the server');
    const flow = await dev.flowAlloc('raw');
    const accepted = await host.shim.accept(server.fd);
    await flow.write(Buffer.from('hello'));
    expect(await text(accepted.fd, 5)).toBe('hello');
    await writeAll(accepted.fd, Buffer.from('world'));
    expect(Buffer.from(await flow.read({ timeout: 5000 })).toString()).toBe('world');
    await flow.dealloc();
    expect(await text(accepted.fd, 1)).toBe('');
  });

  it('lets a program reach a native one by name', async () => {
    const dev = host.dev('echo');
    const accepting = dev.flowAccept({ timeout: 10_000 });
    await host.irm.bindProcess(process.pid, 'native');
    const found = await host.shim.request(Op.RESOLVE, { text: 'native', family: 4 });
    expect(found.err).toBe(0);
    const client = await host.shim.connect(found.addr4, 7);
    expect(client.reply.action).toBe(Action.RELAY);
    const flow = await accepting;
    await writeAll(client.fd, Buffer.from('ping'));
    expect(Buffer.from(await flow.read({ timeout: 5000 })).toString()).toBe('ping');
    await flow.dealloc();
    expect(await text(client.fd, 1)).toBe('');
  });

  it('holds a stream back while its flow is down, and loses nothing of it', async () => {
    const dev = host.dev('blinker');
    const accepting = dev.flowAccept({ timeout: 10_000 });
    await host.irm.bindProcess(process.pid, 'blinker');
    const found = await host.shim.request(Op.RESOLVE, { text: 'blinker', family: 4 });
    const client = await host.shim.connect(found.addr4, 7);
    const flow = await accepting;
    const { flags } = flow;
    flow.flags = flags | FlowFlag.FLOWFDOWN;
    await new Promise((resolve) => setTimeout(resolve, 20));
    await writeAll(client.fd, Buffer.from('patience'));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(flow.poll()).toBe(false);
    flow.flags = flags;
    expect(Buffer.from(await flow.read({ timeout: 5000 })).toString()).toBe('patience');
    await flow.write(Buffer.from('pays'));
    expect(await text(client.fd, 4)).toBe('pays');
    await flow.dealloc();
  });
});

describe('rules', () => {
  it('decide what becomes of a call, in words', async () => {
    const rules = [
      { where: '-r 1', text: 'out,tcp,port=1,reject=EHOSTUNREACH' },
      { where: '-r 2', text: 'out,tcp,port=2,pass' },
      { where: '-r 3', text: 'out,tcp,addr=10.0.0.0/8,flow=far' },
      { where: '-r 4', text: 'in,tcp,port=3,reject' },
      { where: '-r 5', text: 'in,tcp,port=4,pass' },
      { where: '-r 6', text: 'out,tcp,port=5,blackhole' },
    ];
    const run = await host.run({ rules });
    const { shim } = host;
    const out = async (address: string, port: number) =>
      (await shim.ask(address, port, { run })).reply;
    expect(await out('127.0.0.1', 1)).toMatchObject({ err: EHOSTUNREACH });
    expect(await out('127.0.0.1', 2)).toMatchObject({ err: 0, action: Action.PASS });
    expect((await out('127.0.0.1', 2)).text).toMatch(/^rule 2 \(-r 2\): pass, tcp 127.0.0.1:2/);
    expect(await out('10.1.1.1', 9)).toMatchObject({ err: EHOSTUNREACH });
    expect((await shim.listen('0.0.0.0', 3, { run })).reply.err).toBe(EACCES);
    expect((await shim.listen('0.0.0.0', 4, { run })).reply.action).toBe(Action.PASS);
    expect(await out('127.0.0.1', 5)).toMatchObject({ action: Action.RELAY });
  });

  it('pass everything: HELLO says so', async () => {
    const run = await host.run({ rules: [{ where: '-r 1', text: 'udp,pass' }] });
    const hello = await host.shim.request(Op.HELLO, { run, text: '/bin/x' });
    expect(hello).toMatchObject({ err: 0, flags: 2 });
    await expect(host.run({ rules: [{ where: 'f:1', text: 'pas' }] })).rejects.toThrow(
      /f:1: "pas" is not known/,
    );
  });
});

describe('datagrams', () => {
  it('go from socket to socket with the addresses that each should see', async () => {
    const { shim } = host;
    const server = await shim.udp('0.0.0.0', 9000);
    const client = await shim.attach(Op.DGRAM, '127.0.0.1', 9000, { flags: ReqFlag.SEND });
    expect(client.reply).toMatchObject({ err: 0, action: Action.FLOW, local: '0.0.0.0' });
    for (const payload of ['one', '', 'three']) shim.sendTo(client, '127.0.0.1', 9000, payload);
    const got = [
      await shim.receive(server),
      await shim.receive(server),
      await shim.receive(server),
    ];
    expect(got.map((d) => d.text)).toEqual(['one', '', 'three']);
    expect(got[0]?.from).toBe(`127.0.0.1:${client.reply.localPort}`);
    shim.sendTo(server, '127.0.0.1', client.reply.localPort, 'answer');
    expect(await shim.receive(client)).toEqual({
      text: 'answer',
      from: '127.0.0.1:9000',
      errno: 0,
    });
    expect(await flows()).toBe(2);
  });

  it('are whole up to the largest', async () => {
    const { shim } = host;
    const server = await shim.udp('127.0.0.1', 9000);
    const client = await shim.udp('127.0.0.1', 0);
    const big = Buffer.alloc(65_507, 'x');
    shim.sendTo(client, '127.0.0.1', 9000, big);
    expect((await shim.receive(server)).text).toBe(big.toString());
  });

  it('reach a connected socket from its peer alone', async () => {
    const { shim } = host;
    const friend = await shim.udp('127.0.0.1', 9001);
    const stranger = await shim.udp('127.0.0.1', 9002);
    const client = await shim.attach(Op.DGRAM, '127.0.0.1', 9001);
    expect(client.reply).toMatchObject({ local: '127.0.0.1', peer: '127.0.0.1', peerPort: 9001 });
    const { localPort } = client.reply;
    shim.sendTo(stranger, '127.0.0.1', localPort, 'no');
    shim.sendTo(friend, '127.0.0.1', localPort, 'yes');
    expect((await shim.receive(client)).text).toBe('yes');
    const again = await shim.request(Op.DGRAM, {
      ino: client.ino,
      family: 4,
      flags: ReqFlag.DISCONNECT,
    });
    expect(again).toMatchObject({ err: 0, local: '0.0.0.0' });
    host.clock.offset += 100;
    shim.sendTo(stranger, '127.0.0.1', localPort, 'now');
    expect((await shim.receive(client)).text).toBe('now');
  });

  it('to nobody come back as an error to a connected socket', async () => {
    const { shim } = host;
    const client = await shim.attach(Op.DGRAM, '127.0.0.1', 9000);
    shim.sendTo(client, '127.0.0.1', 9000, 'anybody?');
    expect(await shim.receive(client)).toMatchObject({
      errno: ECONNREFUSED,
      from: '127.0.0.1:9000',
    });
    const server = await shim.udp('127.0.0.1', 9000);
    host.clock.offset += 200;
    shim.sendTo(client, '127.0.0.1', 9000, 'now');
    expect((await shim.receive(server)).text).toBe('now');
    shim.closeFd(server.fd);
    shim.sendTo(client, '127.0.0.1', 9000, 'gone');
    expect(await shim.receive(client)).toMatchObject({ errno: ECONNREFUSED });
  });

  it('fan out to every socket on the port, and answers come from this host', async () => {
    const { shim } = host;
    const [one, two, other] = [
      await shim.udp('0.0.0.0', 9000, { flags: ReqFlag.REUSEPORT }),
      await shim.udp('0.0.0.0', 9000, { flags: ReqFlag.REUSEPORT }),
      await shim.udp('0.0.0.0', 9001),
    ];
    const client = await shim.udp('0.0.0.0', 0, { flags: ReqFlag.BROADCAST });
    shim.sendTo(client, '255.255.255.255', 9000, 'who?');
    const seen = await shim.receive(one);
    expect(seen.text).toBe('who?');
    expect(seen.from).toMatch(/^100\.64\./);
    expect((await shim.receive(two)).text).toBe('who?');
    const [address = '', port] = seen.from.split(':');
    shim.sendTo(one, address, Number(port), 'me');
    const answer = await shim.receive(client);
    expect(answer).toMatchObject({ text: 'me', errno: 0 });
    expect(answer.from).toMatch(/:9000$/);
    expect(os.queued(other.fd)).toBe(0);
  });

  it('between a program and a native one are packets of a raw flow', async () => {
    const run = await host.run({ names: ['dgram'] });
    const server = await host.shim.udp('0.0.0.0', 9000, { run });
    await turns(() => host.gateway.status().sockets === 1, 'the server');
    const flow = await host.dev('native').flowAlloc('dgram');
    await flow.write(Buffer.from('in'));
    const seen = await host.shim.receive(server);
    expect(seen.text).toBe('in');
    const [address = '', port] = seen.from.split(':');
    host.shim.sendTo(server, address, Number(port), 'out');
    expect(Buffer.from(await flow.read({ timeout: 5000 })).toString()).toBe('out');
  });
});

describe('a gateway that is killed', () => {
  it('comes back with listeners, ports, addresses, runs and datagram sockets', async () => {
    const { shim } = host;
    const run = await host.run({ names: ['again'] });
    const server = await shim.listen('0.0.0.0', 8000, { run });
    const udp = await shim.udp('127.0.0.1', 9000, { run });
    const gone = await shim.listen('127.0.0.1', 8001);
    const before = await shim.connect('127.0.0.1', 8000);
    const accepted = await shim.accept(server.fd);
    const named = await host.admin('status');
    expect(named.sockets).toBe(3);

    host.killGateway();
    shim.closeFd(gone.fd);
    await exchange(before.fd, accepted.fd);
    await host.startGateway();

    expect(await host.admin('status')).toMatchObject({ sockets: 2, runs: 1 });
    const client = await shim.connect('127.0.0.1', 8000);
    await exchange(client.fd, (await shim.accept(server.fd)).fd);
    expect((await shim.listen('0.0.0.0', 8000)).reply.err).toBe(EADDRINUSE);
    expect((await shim.listen('127.0.0.1', 8001)).reply.err).toBe(0);
    const sender = await shim.udp('127.0.0.1', 0);
    shim.sendTo(sender, '127.0.0.1', 9000, 'still here');
    expect((await shim.receive(udp)).text).toBe('still here');
  });
});

describe('what is not a request', () => {
  it('harms nobody', async () => {
    const { shim } = host;
    const server = await shim.listen('127.0.0.1', 8000);
    for (const [name, type] of [
      ['s/ctl', 'seqpacket'],
      ['admin', 'seqpacket'],
      ['s/relay', 'stream'],
    ] as const) {
      for (const size of [1, 311, 312, 313, 60_000]) {
        const fd = os.unixConnect(join(host.folder, name), type);
        expect(fd).toBeGreaterThanOrEqual(0);
        os.send(fd, Buffer.alloc(size, size & 255), 0, size);
        const got = Buffer.alloc(10);
        if (name !== 'admin') await turns(() => os.recv(fd, got, 0, 10) !== -11, 'the end');
        os.close(fd);
      }
    }
    const idle = Array.from({ length: 50 }, () =>
      os.unixConnect(join(host.folder, 's/ctl'), 'seqpacket'),
    );
    const client = await shim.connect('127.0.0.1', 8000);
    await exchange(client.fd, (await shim.accept(server.fd)).fd);
    for (const fd of idle) os.close(fd);
    for (const op of [0, 99, 999]) expect((await shim.request(op, { ino: 5 })).err).toBe(EINVAL);
    expect((await shim.request(Op.CONNECT, { ino: 0, family: 4 })).err).toBe(EINVAL);
    expect(host.log).toEqual([]);
  });

  it('an orderly end leaves nothing in the folder', async () => {
    await host.shim.listen('127.0.0.1', 8000);
    host.gateway.stop();
    expect(existsSync(host.folder) ? readdirSync(host.folder) : []).toEqual([]);
    await host.startGateway();
  });
});
