/**
 * The two ways in which flows go over Ethernet, behind one interface, so that their IPCP is written once. A frame is checked in place,
 * then read by its accessors; a flow keeps a header that is made once, and only `setPayloadBytes` changes per packet.
 */
import type { EthManagementMessage, ManagementCodec } from '../management.ts';
import type { Verdict } from '../verdict.ts';

/** Both ends of a frame, as numbers of endpoints (DIX: EIDs, LLC: SAPs). */
export interface EthEnds {
  readonly destination: number;
  /** DIX frames do not carry it: 0 there. */
  readonly source: number;
}

export interface EthFormat {
  readonly name: 'eth-dix' | 'eth-llc' | 'raptor';
  readonly headerBytes: number;
  /** Numbers that a node of ours may give to its own endpoints, both included. */
  readonly firstOwn: number;
  readonly lastOwn: number;
  /** Ends of management messages. */
  readonly managementEnds: EthEnds;
  readonly management: ManagementCodec<EthManagementMessage>;
  /** Largest payload on an interface of this MTU. */
  maxPayload(interfaceMtu: number): number;
  /** Is `bytes[base..end)` a frame of ours? Every reading below needs `ok` from here. Padding after the payload is fine. */
  check(bytes: Uint8Array, base: number, end: number): Verdict;
  isManagement(bytes: Uint8Array, base: number): boolean;
  destination(bytes: Uint8Array, base: number): number;
  source(bytes: Uint8Array, base: number): number;
  /** The payload starts `headerBytes` after `base`; 0 bytes are a keepalive. */
  payloadBytes(bytes: Uint8Array, base: number): number;
  /** A header for an empty payload. */
  header(to: Uint8Array, from: Uint8Array, ends: EthEnds): Uint8Array;
  setPayloadBytes(bytes: Uint8Array, base: number, payload: number): void;
}

/** Longest management message that Ethernet IPCPs take. */
export const maxEthManagement = 9000;
