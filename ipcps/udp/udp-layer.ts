/**
 * A member of a UDP layer: one port for all flows, management messages and packets told apart by the endpoint that a datagram is for.
 * Names are found through directories, which are not part of the wire; peers of ours can be asked directly.
 *
 * Owns its port and directories, the names that are registered here (BOUNDED by `maxNames`), and through Flows, Arrivals and Allocations
 * everything that waits.
 */
import {
  CanceledError,
  type Clock,
  copyBytes,
  deferred,
  type Millis,
  noBytes,
  type Random,
  ResourceError,
  type Signal,
  TimeoutError,
  toHex,
  UsageError,
  within,
} from '#lib/core/index.ts';
import {
  type AllocatedFlow,
  type AllocateOptions,
  checkData,
  checkHash,
  type Flow,
  type FlowRequest,
  hashName,
  hashText,
  type Layer,
  type NameHash,
  unknownName,
} from '#lib/layer/index.ts';
import {
  type Address,
  copyAddress,
  type Family,
  ipOf,
  portOf,
  socketAddress,
} from '#lib/udp/index.ts';
import {
  isRejected,
  maxUdpPayload,
  type UdpManagementMessage,
  udpHeader,
  udpManagement,
  verdictName,
} from '#lib/wire/index.ts';
import { Allocations, isElsewhere } from './allocations.ts';
import { Arrivals } from './arrivals.ts';
import { Counters } from './counters.ts';
import type { DatagramPort, Train } from './datagram-port.ts';
import { type Directory, findFirst } from './directory.ts';
import {
  decodeExtension,
  ExtensionCode,
  type ExtensionMessage,
  encodeExtension,
  isExtension,
  replyVersion,
  requestVersion,
} from './extension.ts';
import { Flows } from './flows.ts';
import { PeerDirectory } from './peer-directory.ts';
import { type Peer, Peers } from './peers.ts';
import { hashBytes, maxRequestData, send, type Transport } from './transport.ts';

const maxNames = 16_384;
const allocationTimeout: Millis = 20_000;
/** For a directory, before an allocation asks the next one. */
const lookupTimeout: Millis = 5000;
/** For peers to confirm the end of their flows, and directories to forget names, when the member leaves. */
const farewell: Millis = 500;

export interface UdpLayerDeps {
  readonly port: DatagramPort;
  readonly clock: Clock;
  readonly random: Random;
  readonly directories?: readonly Directory[];
}

export interface UdpLayerConfig {
  readonly name: string;
  readonly family: Family;
  /** IP addresses of members of ours that may be asked for names. */
  readonly peers?: readonly Uint8Array[];
  /** Programs at both ends of a flow may open sockets for it and leave the members out (docs/wire/shortcuts.md). Default true. */
  readonly shortcuts?: boolean;
}

export class UdpLayer implements Layer {
  readonly name: string;
  readonly mtu: number;
  readonly #port: DatagramPort;
  readonly #transport: Transport;
  readonly #flows: Flows;
  readonly #arrivals: Arrivals;
  readonly #allocations: Allocations;
  readonly #asked: PeerDirectory;
  readonly #directories: readonly Directory[];
  readonly #names = new Set<string>();
  #listener: ((request: FlowRequest) => void) | undefined;
  #closing: Promise<void> | undefined;
  #turn = 0;
  #up = true;

  constructor(deps: UdpLayerDeps, { name, family, peers = [], shortcuts = true }: UdpLayerConfig) {
    const { port, clock, random, directories = [] } = deps;
    this.name = name;
    this.mtu = maxUdpPayload[family];
    this.#port = port;
    const transport = { port, clock, counters: new Counters(), peers: new Peers() };
    this.#transport = transport;
    this.#flows = new Flows({ transport, random }, { mtu: this.mtu, shortcuts });
    this.#allocations = new Allocations({ transport, flows: this.#flows });
    this.#arrivals = new Arrivals({
      transport,
      flows: this.#flows,
      listener: (hash) => (this.#names.has(toHex(hash)) ? this.#listener : undefined),
    });
    this.#flows.onFreed = (endpoint) => this.#arrivals.freed(endpoint);
    this.#asked = new PeerDirectory(
      { clock, ask: (peer, hash) => this.#askPeer(peer, hash) },
      { peers: new Map(peers.map((ip) => [toHex(ip), ip])) },
    );
    this.#directories = [this.#asked, ...directories];
    port.listen({
      datagrams: (train) => this.#datagrams(train),
      writable: () => this.#flows.writable(),
      link: (up) => {
        this.#up = up;
        this.#flows.link(up);
      },
    });
  }

  /** Readable state: what has been counted, and how much there is. */
  get status(): Readonly<Record<string, number>> {
    return {
      'link up': this.#up ? 1 : 0,
      flows: this.#flows.size,
      'requests that wait': this.#arrivals.pending,
      names: this.#names.size,
      peers: this.#transport.peers.size,
      ...this.#transport.counters.all,
      ...this.#port.counters(),
    };
  }

  hash(name: string): NameHash {
    return hashName('MD5', name);
  }

  async register(hash: NameHash): Promise<void> {
    const name = this.#checked(hash);
    if (this.#names.has(name))
      throw new UsageError(`${hashText(hash)} is registered already`, 'EEXIST');
    if (this.#names.size >= maxNames) throw new ResourceError(`Too many names: ${maxNames}`);
    this.#names.add(name);
    try {
      for (const directory of this.#directories) await directory.register(name);
    } catch (error) {
      this.#names.delete(name);
      throw error;
    }
  }

  async unregister(hash: NameHash): Promise<void> {
    const name = this.#checked(hash);
    if (!this.#names.delete(name))
      throw new UsageError(`${hashText(hash)} is not registered`, 'ENOENT');
    for (const directory of this.#directories) await directory.unregister(name);
  }

  async query(hash: NameHash, timeout: Millis = 200): Promise<boolean> {
    const name = this.#checked(hash);
    if (this.#names.has(name)) return true;
    const found = await this.#withinTime(findFirst(this.#directories, name, { timeout }), timeout);
    return found.some((ip) => !this.#isOurs(ip));
  }

  async allocate(hash: NameHash, options: AllocateOptions): Promise<AllocatedFlow> {
    const { qos, data = noBytes, timeout = allocationTimeout, signal } = options;
    const name = this.#checked(hash);
    checkData(data, maxRequestData);
    const wanted = { hash: copyBytes(hash), qos, data: copyBytes(data) };
    const { clock } = this.#transport;
    const deadline = clock.now() + timeout;
    const tried = new Set<string>();
    for (const fresh of [false, true]) {
      const limits = { timeout: Math.min(lookupTimeout, deadline - clock.now()), signal, fresh };
      const addresses = await this.#find(name, limits);
      for (const [i, address] of addresses.entries()) {
        const peer = this.#transport.peers.get(address, clock.now());
        if (tried.has(peer.key)) continue;
        tried.add(peer.key);
        this.#stillOpen(hash, signal);
        // A member that is silent leaves time for the others.
        const others = addresses.length - i - 1;
        const share = Math.max(0, deadline - clock.now()) / (others + 1);
        try {
          return await this.#allocations.ask(peer, wanted, { timeout: share, signal });
        } catch (error) {
          const silent = error instanceof TimeoutError && others > 0;
          if (!silent && !isElsewhere(error)) throw error;
        }
      }
    }
    this.#stillOpen(hash, signal);
    throw unknownName(hash);
  }

  async join(): Promise<Flow> {
    this.#open();
    throw new UsageError(`Layer ${this.name} has no broadcast flow`, 'EOPNOTSUPP');
  }

  onRequest(fn: ((request: FlowRequest) => void) | undefined): void {
    this.#open();
    this.#listener = fn;
  }

  close(): Promise<void> {
    this.#closing ??= this.#leave();
    return this.#closing;
  }

  async #leave(): Promise<void> {
    this.#listener = undefined;
    this.#arrivals.close();
    this.#allocations.close(new CanceledError(`The member left layer ${this.name}`));
    this.#flows.close();
    const names = [...this.#names];
    this.#names.clear();
    const forgotten = names.flatMap((name) =>
      this.#directories.map((directory) => directory.unregister(name).catch(() => {})),
    );
    const ended = deferred<void>();
    this.#flows.onFreed = () => {
      if (this.#flows.size === 0) ended.resolve();
    };
    if (this.#flows.size === 0) ended.resolve();
    const goodbye = Promise.all([ended.promise, ...forgotten]);
    await within(this.#transport.clock, goodbye, 'Leaving', { timeout: farewell }).catch(() => {});
    for (const directory of this.#directories) directory.close();
    this.#flows.stop();
    this.#arrivals.stop();
    this.#port.close();
  }

  /** Addresses of members that have the name, the one whose turn it is first. */
  async #find(
    name: string,
    limits: { timeout: Millis; signal: Signal | undefined; fresh: boolean },
  ): Promise<Address[]> {
    const own = this.#names.has(name);
    const lookup = findFirst(this.#directories, name, limits);
    const found = await this.#withinTime(lookup, own ? 0 : limits.timeout, limits.signal);
    const port = portOf(this.#port.address);
    const others = found.filter((ip) => !this.#isOurs(ip));
    const addresses = others.map((ip) => socketAddress(ip, port));
    if (own) addresses.unshift(this.#port.address);
    const first = this.#turn++ % Math.max(1, addresses.length);
    return [...addresses.slice(first), ...addresses.slice(0, first)];
  }

  /** Directories keep their time, but nobody has to rely on that. */
  #withinTime(
    found: Promise<readonly Uint8Array[]>,
    timeout: Millis,
    signal?: Signal,
  ): Promise<readonly Uint8Array[]> {
    return within(this.#transport.clock, found, 'Look-up', { timeout, signal }).catch(() => []);
  }

  #isOurs(ip: Uint8Array): boolean {
    return toHex(ip) === toHex(ipOf(this.#port.address));
  }

  #datagrams(train: Train): void {
    const { bytes, end, size } = train;
    const { eid } = udpHeader.at;
    let at = train.base;
    do {
      const next = at + size;
      if (Math.min(next, end) - at < udpHeader.bytes) {
        this.#transport.counters.count('short');
        at = next;
        continue;
      }
      const number = eid.get(bytes, at);
      if (number === 0) {
        this.#message(train, at, Math.min(next, end));
        at = next;
        continue;
      }
      let after = next;
      while (end - after >= udpHeader.bytes && eid.get(bytes, after) === number) after += size;
      this.#flows.packets(number, train, at, Math.min(after, end));
      at = after;
    } while (at < end);
  }

  #message({ bytes, from, fromAt }: Train, base: number, end: number): void {
    const { counters } = this.#transport;
    const message = isExtension(bytes, base, end)
      ? decodeExtension(bytes, base, end, hashBytes)
      : udpManagement.decode(bytes, base, end, hashBytes);
    if (isRejected(message)) return counters.count(verdictName(message));
    const { peers, clock } = this.#transport;
    const peer = peers.get(copyAddress(from, fromAt), clock.now());
    if ('code' in message) return this.#extension(message, peer);
    this.#management(message, peer, bytes, base);
  }

  #management(message: UdpManagementMessage, peer: Peer, bytes: Uint8Array, base: number): void {
    const { peers, clock } = this.#transport;
    const request = message.kind === 'flow-request';
    const version = request ? requestVersion(bytes, base) : replyVersion(bytes, base);
    if (request && this.#closing !== undefined) return;
    peers.learn(peer, version, clock.now());
    if (request) this.#arrivals.request(message, peer, version);
    else this.#allocations.reply(message, peer, version);
  }

  #extension(message: ExtensionMessage, peer: Peer): void {
    const { code, source, destination, value, hash } = message;
    if (peer.version > 0) peer.heard = this.#transport.clock.now();
    if (hash !== undefined) {
      if (code === ExtensionCode.nameQuery) return this.#answerQuery(peer, hash);
      const known = this.#asked.answered(toHex(ipOf(peer.address)), toHex(hash), value === 1);
      if (!known) return this.#transport.counters.count('answers to nothing');
      return this.#transport.peers.learn(peer, 1, this.#transport.clock.now());
    }
    if (destination !== 0) return this.#flows.heard(message, peer);
    const known =
      code === ExtensionCode.closed
        ? this.#arrivals.confirmed(peer, source)
        : code === ExtensionCode.close && this.#arrivals.gaveUp(peer, source);
    if (!known) this.#transport.counters.count('messages for no flow');
    if (code !== ExtensionCode.close) return;
    this.#flows.tell(peer, ExtensionCode.closed, { source: 0, destination: source });
  }

  #askPeer(peer: string, name: string): void {
    const { peers, clock } = this.#transport;
    const ip = new Uint8Array(Buffer.from(peer, 'hex'));
    const address = socketAddress(ip, portOf(this.#port.address));
    const hash = new Uint8Array(Buffer.from(name, 'hex'));
    const question = encodeExtension({ code: ExtensionCode.nameQuery, hash });
    send(this.#transport, question, peers.get(address, clock.now()));
  }

  #answerQuery(peer: Peer, hash: Uint8Array): void {
    const value = this.#names.has(toHex(hash)) ? 1 : 0;
    send(this.#transport, encodeExtension({ code: ExtensionCode.nameReply, value, hash }), peer);
  }

  #checked(hash: NameHash): string {
    this.#open();
    checkHash('MD5', hash);
    return toHex(hash);
  }

  #stillOpen(hash: NameHash, signal: Signal | undefined): void {
    if (signal?.aborted) throw new CanceledError(`Allocation of ${hashText(hash)} canceled`);
    if (this.#closing !== undefined) throw new CanceledError(`The member left layer ${this.name}`);
  }

  #open(): void {
    if (this.#closing !== undefined)
      throw new UsageError(`Layer ${this.name} is closed here`, 'EIPCPSTATE');
  }
}
