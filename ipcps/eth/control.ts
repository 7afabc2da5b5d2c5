/**
 * Sends management messages. What the port has no room for waits here, BOUNDED by `maxBacklog` messages; beyond that they are lost, as
 * they may be on the wire.
 */
import { broadcastMac } from '#lib/wire/index.ts';
import type { EthCounters } from './counters.ts';
import { type ExtensionMessage, encodeExtension } from './extension.ts';
import type { PacketPort } from './packet-port.ts';
import type { EthWire } from './wire.ts';

const maxBacklog = 256;

export class Control {
  readonly #port: PacketPort;
  readonly #wire: EthWire;
  readonly #counters: EthCounters;
  readonly #backlog: [to: Uint8Array, message: Uint8Array][] = [];

  constructor(deps: { port: PacketPort; wire: EthWire; counters: EthCounters }) {
    this.#port = deps.port;
    this.#wire = deps.wire;
    this.#counters = deps.counters;
  }

  broadcast(message: Uint8Array): void {
    this.send(broadcastMac, message);
  }

  send(to: Uint8Array, message: Uint8Array): void {
    if (this.#backlog.length === 0 && this.#write(to, message)) return;
    if (this.#backlog.length < maxBacklog) this.#backlog.push([to, message]);
    else this.#counters.controlLost++;
  }

  extension(to: Uint8Array, message: Partial<ExtensionMessage> & Pick<ExtensionMessage, 'code'>) {
    this.send(to, encodeExtension(this.#wire, message));
  }

  /** The port has room again. False: not for everything. */
  writable(): boolean {
    for (let next = this.#backlog[0]; next !== undefined; next = this.#backlog[0]) {
      if (!this.#write(...next)) return false;
      this.#backlog.shift();
    }
    return true;
  }

  #write(to: Uint8Array, message: Uint8Array): boolean {
    const { format } = this.#wire;
    const header = format.header(to, this.#port.mac, format.managementEnds);
    const at = this.#port.reserve(header.length + message.length);
    if (at < 0) return false;
    const { out } = this.#port;
    out.set(header, at);
    format.setPayloadBytes(out, at, message.length);
    out.set(message, at + header.length);
    this.#port.commit(header.length + message.length);
    this.#counters.controlOut++;
    return true;
  }
}
