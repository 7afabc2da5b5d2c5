/**
 * How a UDP IPCP touches the network: datagrams out through memory that the port owns, datagrams in where they were received. So the
 * layer runs alike over a socket and over the simulated medium of tests.
 */
import type { Places } from '#lib/layer/index.ts';
import type { Address, Destination } from '#lib/udp/index.ts';

/**
 * Datagrams that came together from one address. A port has one record for all that it receives, so this and the bytes say something
 * during the call only.
 */
export interface Train {
  /** The datagrams are `bytes[base..end)`, each of `size` bytes (at least 1), but the last may be shorter. */
  bytes: Uint8Array;
  base: number;
  end: number;
  size: number;
  /** Their source is at `from[fromAt]`. */
  from: Uint8Array;
  fromAt: number;
}

export interface DatagramPortEvents {
  datagrams(train: Train): void;
  /** There is room for datagrams after `reserve` said no. */
  writable(): void;
  /** The interface that has the address carries datagrams, or does not. */
  link(up: boolean): void;
}

export interface DatagramPort {
  /** Own address and port. */
  readonly address: Address;
  /** Where `reserve` reserves. */
  readonly out: Uint8Array;
  /** Offset in `out` for a datagram of `bytes`, or -1 when there is no room now. */
  reserve(bytes: number, to: Destination): number;
  /** The datagram of the last `reserve` is complete. It leaves by `flush`, or at the end of the turn. */
  commit(): void;
  /**
   * Short cut, where a port has it: datagrams of `header` and what is at places `from .. from + count - 1` of `bytes`, both of which stay
   * as they are until `flush`. Returns how many were taken: fewer when there is no room now.
   */
  gather?(
    header: Uint8Array,
    bytes: Uint8Array,
    places: Places,
    from: number,
    count: number,
    to: Destination,
  ): number;
  flush(): void;
  /** Datagrams and events go there from now on. */
  listen(events: DatagramPortEvents): void;
  /** What the port itself has counted: readable state, by name. */
  counters(): Readonly<Record<string, number>>;
  /** Idempotent. What was committed leaves first. */
  close(): void;
}
