/** Speaks the shim's side of docs/protocols/gateway.md with real sockets. For tests. */
import { join } from 'node:path';
import { os } from '#lib/os/index.ts';
import { formatIp, parseIp } from '../addr/ip.ts';
import { HEADER_BYTES, headerOf } from '../datagrams/header.ts';
import { REPLY_BYTES, REQUEST_BYTES } from '../shim-abi/codec.ts';
import {
  ABI_VERSION,
  Action,
  MAGIC_REQ,
  Op,
  offsetOf,
  REP,
  REQ,
  ReqFlag,
} from '../shim-abi/layout.ts';
import { connectionNameBytes, gatewayId } from '../sockets/connection-name.ts';
import { turns } from './ring-end.ts';

export interface Fields {
  run?: number;
  ino?: number;
  address?: string;
  port?: number;
  family?: 0 | 4 | 6;
  type?: number;
  flags?: number;
  arg?: number;
  text?: string;
}

export interface Reply {
  err: number;
  action: number;
  flags: number;
  local: string;
  localPort: number;
  peer: string;
  peerPort: number;
  addr4: string;
  serial: number;
  path: string;
  text: string;
}

/** A datagram socket of a program with the gateway's end handed over. */
export interface Datagrams {
  fd: number;
  ino: number;
  reply: Reply;
}

export class ShimClient {
  readonly #folder: string;
  readonly #gwid: string;
  readonly #open = new Set<number>();

  constructor(folder: string) {
    this.#folder = folder;
    this.#gwid = gatewayId(folder);
  }

  close(): void {
    for (const fd of this.#open) os.close(fd);
    this.#open.clear();
  }

  closeFd(fd: number): void {
    this.#open.delete(fd);
    os.close(fd);
  }

  keep(fd: number): number {
    if (fd < 0) throw new RangeError(`no descriptor: ${fd}`);
    this.#open.add(fd);
    return fd;
  }

  async request(op: number, fields: Fields, fd?: number): Promise<Reply> {
    const ctl = os.unixConnect(join(this.#folder, 's', 'ctl'), 'seqpacket');
    if (ctl < 0) throw new RangeError(`no gateway: ${ctl}`);
    try {
      const bytes = encode(op, fields);
      os.sendMsg(ctl, bytes, 0, bytes.length, fd === undefined ? [] : [fd]);
      const answer = Buffer.alloc(REPLY_BYTES + 1);
      let got = -11;
      await turns(() => {
        got = os.recv(ctl, answer, 0, answer.length);
        return got !== -11;
      }, 'a reply');
      if (got !== REPLY_BYTES) throw new RangeError(`reply of ${got} bytes`);
      return decode(answer);
    } finally {
      os.close(ctl);
    }
  }

  stream(): { fd: number; ino: number } {
    const fd = this.keep(os.socket('stream'));
    return { fd, ino: os.inode(fd) };
  }

  /** bind and listen, as a program would. */
  async listen(
    address: string,
    port: number,
    over: Fields = {},
  ): Promise<{ fd: number; ino: number; reply: Reply }> {
    const { fd, ino } = this.stream();
    const family = address.includes(':') ? 6 : 4;
    const bound = await this.request(Op.BIND, { ino, family, address, port, type: 1, ...over });
    if (bound.err !== 0 || bound.action !== Action.FLOW) return { fd, ino, reply: bound };
    os.bindName(fd, Buffer.from(`${this.#folder}/s/l/${family}-${ino}`));
    os.listen(fd, 64);
    const reply = await this.request(Op.LISTEN, { ino, family, arg: 64, ...over });
    return { fd, ino, reply };
  }

  /** The request of connect alone. */
  async ask(
    address: string,
    port: number,
    over: Fields = {},
  ): Promise<{ fd: number; ino: number; reply: Reply }> {
    const { fd, ino } = this.stream();
    const family = address.includes(':') ? 6 : 4;
    const reply = await this.request(Op.CONNECT, { ino, family, address, port, type: 1, ...over });
    return { fd, ino, reply };
  }

  /** connect, and the two steps that follow each answer. Returns the connected socket. */
  async connect(
    address: string,
    port: number,
    over: Fields = {},
  ): Promise<{ fd: number; reply: Reply }> {
    const { fd, reply } = await this.ask(address, port, over);
    if (reply.err !== 0) throw new RangeError(`connect: ${reply.err}`);
    this.bindAs(fd, reply, address.includes(':') ? 6 : 4);
    const path = reply.action === Action.DIRECT ? reply.path : join(this.#folder, 's', 'relay');
    const done = os.connectName(fd, Buffer.from(path));
    if (done < 0) throw new RangeError(`connect to ${path}: ${done}`);
    if (reply.action === Action.RELAY) this.fill(fd);
    return { fd, reply };
  }

  bindAs(fd: number, reply: Reply, family: 4 | 6): void {
    const name = connectionNameBytes(this.#gwid, {
      family,
      local: parseIp(reply.local) ?? '',
      localPort: reply.localPort,
      peer: parseIp(reply.peer) ?? '',
      peerPort: reply.peerPort,
      serial: reply.serial,
    });
    const done = os.bindName(fd, name);
    if (done < 0) throw new RangeError(`bind to the connection's name: ${done}`);
  }

  fill(fd: number): void {
    const filler = Buffer.alloc(4096);
    filler.writeBigUInt64LE(4096n);
    os.send(fd, filler, 0, filler.length);
  }

  /** The accepted socket and the peer that its name spells. */
  async accept(listener: number): Promise<{ fd: number; from: string }> {
    let got = os.accept(listener);
    await turns(() => {
      if (typeof got === 'number') got = os.accept(listener);
      return typeof got !== 'number';
    }, 'a connection');
    if (typeof got === 'number') throw new RangeError('no connection');
    const name = Buffer.from(got.name ?? [])
      .toString('latin1')
      .slice(15);
    const from = `${formatIp(name.slice(1, 33))}:${Number.parseInt(name.slice(33, 37), 16)}`;
    return { fd: this.keep(got.fd), from };
  }

  /** A datagram socket, attached by `op`. */
  async attach(op: number, address: string, port: number, over: Fields = {}): Promise<Datagrams> {
    const pair = os.socketpair('dgram');
    if (typeof pair === 'number') throw new RangeError(`socketpair: ${pair}`);
    const [fd, far] = pair;
    const family = address.includes(':') ? 6 : 4;
    const ino = os.inode(this.keep(fd));
    const reply = await this.request(op, { ino, family, address, port, type: 2, ...over }, far);
    os.close(far);
    return { fd, ino, reply };
  }

  udp(address: string, port: number, over: Fields = {}): Promise<Datagrams> {
    return this.attach(Op.BIND, address, port, over);
  }

  sendTo(socket: Datagrams, address: string, port: number, payload: string | Uint8Array): void {
    const family = address.includes(':') ? 6 : 4;
    const header = headerOf(parseIp(address) ?? '', port, family);
    const head = new Uint8Array(header.buffer, 0, HEADER_BYTES);
    os.sendv(socket.fd, [head, typeof payload === 'string' ? Buffer.from(payload) : payload]);
  }

  /** Next datagram: its payload as text, where it comes from, and its errno when it is an error. */
  async receive(socket: Datagrams): Promise<{ text: string; from: string; errno: number }> {
    const bytes = Buffer.alloc(70_000);
    let got = -11;
    await turns(() => {
      got = os.recv(socket.fd, bytes, 0, bytes.length);
      return got !== -11;
    }, 'a datagram');
    const address = formatIp(bytes.toString('hex', 12, 28));
    return {
      text: bytes.toString('latin1', HEADER_BYTES, got),
      from: `${address}:${bytes.readUInt16LE(4)}`,
      errno: bytes.readUInt16LE(0) === 1 ? bytes.readUInt32LE(8) : 0,
    };
  }
}

export { Action, Op, ReqFlag };

function encode(op: number, f: Fields): Buffer {
  const b = Buffer.alloc(REQUEST_BYTES);
  const at = (name: string) => offsetOf(REQ, name);
  b.writeUInt32LE(MAGIC_REQ, 0);
  b.writeUInt16LE(ABI_VERSION, at('version'));
  b.writeUInt16LE(op, at('op'));
  b.writeUInt32LE(f.run ?? 0, at('run'));
  b.writeUInt32LE(f.ino ?? 0, at('ino'));
  if (f.address !== undefined) b.write(parseIp(f.address) ?? '', at('addr'), 'hex');
  b.writeUInt16LE(f.port ?? 0, at('port'));
  b[at('family')] = f.family ?? 0;
  b[at('type')] = f.type ?? 0;
  b.writeUInt32LE(f.flags ?? 0, at('flags'));
  b.writeUInt32LE(f.arg ?? 0, at('arg'));
  b.write(f.text ?? '', at('text'));
  return b;
}

function decode(b: Buffer): Reply {
  const at = (name: string) => offsetOf(REP, name);
  const ip = (name: string) => formatIp(b.toString('hex', at(name), at(name) + 16));
  const text = (name: string) => b.toString('utf8', at(name), b.indexOf(0, at(name)));
  return {
    err: b.readInt32LE(at('err')),
    action: b.readUInt32LE(at('action')),
    flags: b.readUInt32LE(at('flags')),
    local: ip('local'),
    localPort: b.readUInt16LE(at('local_port')),
    peer: ip('peer'),
    peerPort: b.readUInt16LE(at('peer_port')),
    addr4: ip('addr4'),
    serial: b.readUInt32LE(at('serial')),
    path: text('path'),
    text: text('text'),
  };
}
