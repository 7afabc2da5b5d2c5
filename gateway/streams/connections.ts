/**
 * The streams that are up or being set up, by serial number. Their addresses keep ports from being given twice.
 *
 * A direct connection belongs to the kernel: it is over when its name is no longer in the kernel's list. BOUNDED by
 * `max`; more are refused.
 */
import type { Millis } from '#lib/core/index.ts';
import type { Ip } from '../addr/ip.ts';
import type { PoolEntry } from '../addr/pool.ts';
import type { HandedFlow } from '../flows.ts';
import type { ConnectionName } from '../sockets/connection-name.ts';
import { connectionName } from '../sockets/connection-name.ts';

/** A direct connection whose name was never seen may still be on its way. */
const GRACE: Millis = 2000;

export interface Connection extends ConnectionName {
  /** Socket of the connecting program; 0 when it is a gateway's. */
  readonly ino: number;
  readonly pid: number;
  readonly run: number;
  /** Name that was allocated to or accepted for. */
  readonly name: string;
  /** The program here connects, or accepts. */
  readonly role: 'connect' | 'accept';
  readonly since: Millis;
  state: 'connecting' | 'direct' | 'relay';
  /** Closing it is a reset: the program has set SO_LINGER to 0 s. */
  resets?: boolean;
  /** The accepting socket's listener, when it is here. */
  listener?: number;
  /** Number of the flow at irmd. */
  flow?: number;
  /** Both ends of a direct connection's flow. */
  handed: readonly HandedFlow[];
  /** Whose address `local` is, when it was made for this connection. */
  holds?: PoolEntry;
  /** Bytes relayed, seen from the program here. */
  bytes?: () => { readonly sent: number; readonly received: number };
  /** Readings of the kernel's list that lacked it. */
  missed: number;
}

export class Connections {
  readonly #gwid: string;
  readonly #max: number;
  /** BOUNDED by #max. */
  readonly #bySerial = new Map<number, Connection>();
  /** Local and peer endpoints in use. BOUNDED by #max. */
  readonly #tuples = new Set<string>();
  /** Connecting sockets; each has one connection. BOUNDED by #max. */
  readonly #byIno = new Map<number, Connection>();
  #direct = 0;

  constructor(config: { gwid: string; max?: number }) {
    this.#gwid = config.gwid;
    this.#max = config.max ?? 20_000;
  }

  get size(): number {
    return this.#bySerial.size;
  }

  get full(): boolean {
    return this.#bySerial.size >= this.#max;
  }

  /** Connections whose end only the kernel's list tells. */
  get direct(): number {
    return this.#direct;
  }

  get(serial: number): Connection | undefined {
    return this.#bySerial.get(serial);
  }

  values(): IterableIterator<Connection> {
    return this.#bySerial.values();
  }

  /** True when the four of them are in use together. */
  taken(local: Ip, localPort: number, peer: Ip, peerPort: number): boolean {
    return this.#tuples.has(tuple(local, localPort, peer, peerPort));
  }

  /** The connection of a program's socket. */
  ofSocket(ino: number): Connection | undefined {
    return this.#byIno.get(ino);
  }

  add(connection: Connection): Connection {
    if (connection.ino !== 0) this.#byIno.set(connection.ino, connection);
    if (connection.holds !== undefined) connection.holds.holds++;
    this.#bySerial.set(connection.serial, connection);
    this.#tuples.add(keyOf(connection));
    return connection;
  }

  setDirect(connection: Connection): void {
    connection.state = 'direct';
    this.#direct++;
  }

  remove(connection: Connection): void {
    if (!this.#bySerial.delete(connection.serial)) return;
    this.#tuples.delete(keyOf(connection));
    if (this.#byIno.get(connection.ino) === connection) this.#byIno.delete(connection.ino);
    if (connection.state === 'direct') this.#direct--;
    if (connection.holds !== undefined) connection.holds.holds--;
  }

  /**
   * Removes direct connections that have ended. `hurry`: their numbers are wanted now. Returns the flows to give back.
   */
  sweep(names: ReadonlyMap<string, number>, now: Millis, hurry: boolean): HandedFlow[] {
    const ended: HandedFlow[] = [];
    if (this.#direct === 0) return ended;
    for (const c of this.#bySerial.values()) {
      if (c.state !== 'direct') continue;
      if (names.has(connectionName(this.#gwid, c))) {
        c.missed = 0;
        continue;
      }
      c.missed++;
      if (c.missed < 2 || now - c.since < (hurry ? GRACE / 10 : GRACE)) continue;
      ended.push(...c.handed);
      this.remove(c);
    }
    return ended;
  }
}

function tuple(local: Ip, localPort: number, peer: Ip, peerPort: number): string {
  return `${local}${localPort}/${peer}${peerPort}`;
}

function keyOf(c: ConnectionName): string {
  return tuple(c.local, c.localPort, c.peer, c.peerPort);
}
