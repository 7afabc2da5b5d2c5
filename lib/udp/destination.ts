import type { Address } from './address.ts';

/** Where datagrams go. */
export interface Destination {
  readonly address: Address;
  /** Longest datagram that goes out in a train; lowered to what the path takes. */
  longestInTrain: number;
}
