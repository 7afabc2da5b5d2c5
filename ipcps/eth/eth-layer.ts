/**
 * A member of a layer over Ethernet, or over any wire of the same kind (EthWire): frames in, frames out, time and randomness injected, so
 * it runs in virtual time as over AF_PACKET. Messages are those of the edge specification 1.3; between two ends of ours nothing is
 * lost for good, nothing happens twice, and both ends know of the end of a flow (docs/wire/extensions.md).
 *
 * Owns the port. What comes from the wire is checked before it is looked at, counted when it is wrong, and changes nothing then.
 */
import {
  CanceledError,
  type Clock,
  type Logger,
  type Millis,
  type QosSpec,
  type Random,
  toHex,
  UsageError,
} from '#lib/core/index.ts';
import {
  type AllocatedFlow,
  type AllocateOptions,
  checkHash,
  type DirectoryHash,
  directoryHashes,
  type Flow,
  type FlowRequest,
  hashName,
  hashText,
  type Layer,
  type NameHash,
} from '#lib/layer/index.ts';
import {
  closeReason,
  closeReasonOf,
  isRejected,
  type NameMessage,
  Verdict,
} from '#lib/wire/index.ts';
import { Allocations } from './allocations.ts';
import { Arrivals } from './arrivals.ts';
import { Control } from './control.ts';
import { EthCounters } from './counters.ts';
import { Directory } from './directory.ts';
import { decodeExtension, ExtensionCode, isExtension } from './extension.ts';
import { Flows } from './flows.ts';
import { Names } from './names.ts';
import type { PacketPort, Replacement } from './packet-port.ts';
import { peerOf, sourceMac } from './peer.ts';
import { Queries } from './queries.ts';
import { type EthWire, isToken, mark, tokenOf, versionOf } from './wire.ts';
import { Withdrawals } from './withdrawals.ts';

/** A C node misses an answer that comes before it waits for one (edge specification H9). */
const courtesy: Millis = 1.5;
/** Answers that are held back for it at most. */
const maxHeld = 256;
/** When a member that has just started says so. */
const announcements: readonly Millis[] = [0, 300, 1000];
/** For peers to hear that we leave. */
const leaving: Millis = 300;

const replacements: Readonly<Record<Replacement, string>> = {
  gone: 'Interface is gone: waiting for one of its name.',
  same: 'Interface is there again.',
  other: 'Interface is there again with another address: flows over the old one are lost.',
};

export interface EthLayerDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly port: PacketPort;
  readonly log: Logger;
}

export interface EthLayerConfig {
  readonly name: string;
  readonly hash: DirectoryHash;
  readonly wire: EthWire;
}

export class EthLayer implements Layer {
  readonly name: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #port: PacketPort;
  readonly #log: Logger;
  readonly #hash: DirectoryHash;
  readonly #hashBytes: number;
  readonly #wire: EthWire;
  readonly #counters = new EthCounters();
  readonly #names = new Names();
  readonly #directory = new Directory();
  readonly #queries: Queries;
  readonly #withdrawals: Withdrawals;
  readonly #control: Control;
  readonly #flows: Flows;
  readonly #allocations: Allocations;
  readonly #arrivals: Arrivals;
  #held = 0;
  #closed = false;

  constructor(deps: EthLayerDeps, { name, hash, wire }: EthLayerConfig) {
    const { clock, random, port, log } = deps;
    this.name = name;
    this.#clock = clock;
    this.#random = random;
    this.#port = port;
    this.#log = log;
    this.#hash = hash;
    this.#hashBytes = directoryHashes[hash].bytes;
    this.#wire = wire;
    const counters = this.#counters;
    const control = new Control({ port, wire, counters });
    const flows = new Flows({ clock, random, port, wire, control, counters });
    const queries = new Queries({ clock }, (asked) => this.#query(asked));
    const directory = this.#directory;
    this.#control = control;
    this.#flows = flows;
    this.#queries = queries;
    this.#withdrawals = new Withdrawals({ clock });
    this.#arrivals = new Arrivals({ wire, flows, control, counters });
    this.#allocations = new Allocations({
      clock,
      random,
      wire,
      flows,
      control,
      counters,
      directory,
      queries,
    });
    port.listen({
      frame: (bytes, base, end) => this.#frame(bytes, base, end),
      writable: () => {
        if (control.writable()) flows.writable();
      },
      link: (up) => {
        log.info(`Interface is ${up ? 'up' : 'down'}.`);
        flows.link(up);
      },
      replaced: (how) => {
        log.warn(replacements[how]);
        if (how === 'other') flows.lose();
      },
    });
  }

  /**
   * Tells all members that this one has just started, by a query for nothing that only our kind reads more into: who had flows with
   * one of its address finds out that they are lost.
   */
  announce(): void {
    const byte = () => Math.floor(this.#random.float() * 256);
    const nothing = Uint8Array.from({ length: this.#hashBytes }, byte);
    const query = this.#wire.format.management.encode({ kind: 'name-query', hash: nothing });
    mark(this.#wire, 'name-query', query);
    this.#wire.fresh.set(query, 0, 1);
    for (const at of announcements)
      this.#clock.after(at, () => this.#closed || this.#control.broadcast(query), true);
  }

  /** Largest packet of a flow that is allocated now. */
  get mtu(): number {
    return this.#wire.format.maxPayload(this.#port.mtu);
  }

  /** Readable state, by name. */
  status(): Record<string, number> {
    return {
      'link up': this.#port.up ? 1 : 0,
      flows: this.#flows.size,
      'resting endpoints': this.#flows.resting,
      'names here': this.#names.size,
      'names elsewhere': this.#directory.size,
      ...this.#counters.read(),
      ...this.#port.counters(),
    };
  }

  hash(name: string): NameHash {
    return hashName(this.#hash, name);
  }

  async register(hash: NameHash): Promise<void> {
    this.#check(hash);
    this.#names.add(hash);
    this.#withdrawals.stop(toHex(hash));
    this.#log.info(`Registered ${hashText(hash)}.`);
  }

  async unregister(hash: NameHash): Promise<void> {
    this.#check(hash);
    await this.#withdraw(hash);
    this.#log.info(`Unregistered ${hashText(hash)}.`);
  }

  async query(hash: NameHash, timeout: Millis = 200): Promise<boolean> {
    this.#check(hash);
    return (await this.#allocations.find(hash, { timeout })) !== undefined;
  }

  async allocate(hash: NameHash, options: AllocateOptions): Promise<AllocatedFlow> {
    this.#check(hash);
    return this.#allocations.allocate(hash, options);
  }

  async join(_options: { qos: QosSpec }): Promise<Flow> {
    this.#open();
    throw new UsageError(`Layer ${this.name} has no broadcast flow`, 'EOPNOTSUPP');
  }

  onRequest(fn: ((request: FlowRequest) => void) | undefined): void {
    this.#open();
    this.#arrivals.listener = fn;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#arrivals.close();
    this.#allocations.close(new CanceledError(`The member left layer ${this.name}`));
    this.#queries.close();
    const withdrawals = this.#names.all().map((hash) => this.#withdraw(hash));
    await Promise.all([this.#flows.close(leaving), ...withdrawals]);
    this.#port.close();
  }

  #frame(bytes: Uint8Array, base: number, end: number): void {
    const { format } = this.#wire;
    const verdict = format.check(bytes, base, end);
    if (verdict !== Verdict.ok) this.#counters.reject(verdict);
    else if (!format.isManagement(bytes, base)) this.#flows.receive(bytes, base);
    else {
      const message = base + format.headerBytes;
      this.#manage(bytes, base, message, message + format.payloadBytes(bytes, base));
    }
  }

  /** A management message, `bytes[base..end)`, in the frame at `frame`. */
  #manage(bytes: Uint8Array, frame: number, base: number, end: number): void {
    const wire = this.#wire;
    this.#counters.controlIn++;
    if (isExtension(wire, bytes, base, end)) return this.#extension(bytes, frame, base, end);
    const message = wire.format.management.decode(bytes, base, end, this.#hashBytes);
    if (isRejected(message)) return this.#counters.reject(message);
    switch (message.kind) {
      case 'flow-reply':
        return this.#allocations.replied(message, bytes, frame, base);
      case 'name-reply':
        return this.#answered(message, bytes, frame, base);
      case 'name-query':
        return this.#asked(message, bytes, frame, base);
      case 'flow-request': {
        if (this.#closed) return;
        const version = versionOf(wire, 'flow-request', bytes, base);
        const token = version > 0 ? tokenOf(wire, 'flow-request', bytes, base) : 0;
        if (version > 0 && !isToken(wire, token)) return this.#counters.reject(Verdict.flags);
        const peer = peerOf(sourceMac(bytes, frame, wire.addressed), version);
        return this.#arrivals.arrived(message, peer, token, this.#names.has(message.hash));
      }
    }
  }

  #extension(bytes: Uint8Array, frame: number, base: number, end: number): void {
    const wire = this.#wire;
    const message = decodeExtension(wire, bytes, base, end, this.#hashBytes);
    if (typeof message === 'number') return this.#counters.reject(message);
    switch (message.code) {
      case ExtensionCode.credit:
      case ExtensionCode.sync:
        return this.#flows.count(message, bytes, frame);
      case ExtensionCode.pending:
        return this.#allocations.pending(message, bytes, frame);
      case ExtensionCode.closed:
        return this.#flows.confirmed(message, bytes, frame);
      case ExtensionCode.withdraw: {
        const mac = sourceMac(bytes, frame, wire.addressed);
        const { hash } = message;
        if (!this.#directory.forget(toHex(hash!), toHex(mac))) this.#counters.unexpected++;
        return this.#control.extension(mac, { code: ExtensionCode.withdrawn, hash });
      }
      case ExtensionCode.withdrawn: {
        const name = toHex(message.hash!);
        const mac = sourceMac(bytes, frame, wire.addressed);
        if (!this.#withdrawals.confirmed(name, toHex(mac))) this.#counters.unexpected++;
        return;
      }
      case ExtensionCode.close: {
        const mac = sourceMac(bytes, frame, wire.addressed);
        const { source, destination, token, value } = message;
        const asked = this.#arrivals.closed(toHex(mac), source, token, closeReasonOf(value));
        const flow = this.#flows.peerClosed(message, bytes, frame);
        if (flow === 'waits') return;
        if (flow === 'unknown' && !asked) this.#counters.unexpected++;
        if (value === closeReason.unknown) return;
        const code = ExtensionCode.closed;
        this.#control.extension(mac, { code, source: destination, destination: source, token });
      }
    }
  }

  /** A member looks for a name. */
  #asked({ hash }: NameMessage, bytes: Uint8Array, frame: number, base: number): void {
    const wire = this.#wire;
    const version = versionOf(wire, 'name-query', bytes, base);
    if (version > 0 && wire.fresh.get(bytes, base) === 1)
      this.#flows.doubt(sourceMac(bytes, frame, wire.addressed));
    if (!this.#names.has(hash)) return;
    const peer = peerOf(sourceMac(bytes, frame, wire.addressed), version);
    const reply = wire.format.management.encode({ kind: 'name-reply', hash });
    if (version > 0) {
      mark(wire, 'name-reply', reply);
      this.#names.told(hash, peer);
      return this.#control.send(peer.mac, reply);
    }
    if (this.#held >= maxHeld) {
      this.#counters.refused++;
      return;
    }
    this.#held++;
    this.#clock.after(
      courtesy,
      () => {
        this.#held--;
        if (!this.#closed && this.#names.has(hash)) this.#control.send(peer.mac, reply);
      },
      true,
    );
  }

  /** A member has a name. Only what was asked for is believed. */
  #answered({ hash }: NameMessage, bytes: Uint8Array, frame: number, base: number): void {
    const wire = this.#wire;
    const name = toHex(hash);
    if (!this.#queries.expects(name)) {
      this.#counters.unexpected++;
      return;
    }
    const version = versionOf(wire, 'name-reply', bytes, base);
    const peer = peerOf(sourceMac(bytes, frame, wire.addressed), version);
    this.#directory.learn(name, peer, this.#clock.now());
    this.#queries.answered(name);
  }

  #query(hash: NameHash): void {
    const query = this.#wire.format.management.encode({ kind: 'name-query', hash });
    mark(this.#wire, 'name-query', query);
    this.#control.broadcast(query);
  }

  #withdraw(hash: NameHash): Promise<void> {
    const peers = this.#names.remove(hash);
    return this.#withdrawals.tell(toHex(hash), peers, ({ mac }) =>
      this.#control.extension(mac, { code: ExtensionCode.withdraw, hash }),
    );
  }

  #check(hash: NameHash): void {
    this.#open();
    checkHash(this.#hash, hash);
  }

  #open(): void {
    if (this.#closed) throw new UsageError(`Layer ${this.name} is closed here`, 'EIPCPSTATE');
  }
}
