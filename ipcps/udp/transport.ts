/** What all parts of a UDP layer share: the port, the time, and how a message leaves. */
import type { Clock } from '#lib/core/index.ts';
import type { Destination } from '#lib/udp/index.ts';
import { udpManagementLayout } from '#lib/wire/index.ts';
import type { Counters } from './counters.ts';
import type { DatagramPort } from './datagram-port.ts';
import type { Peers } from './peers.ts';

/** Names are MD5 hashes on UDP (edge specification 0). */
export const hashBytes = 16;
/** Bytes of OAP that fit a request and a reply: no management datagram may be longer than the prototype's buffer. */
export const maxRequestData = 2048 - udpManagementLayout.bytes - hashBytes;
export const maxReplyData = 2048 - udpManagementLayout.bytes;

export interface Transport {
  readonly port: DatagramPort;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly peers: Peers;
}

/** Lost when the port has no room: what matters is said again. */
export function send({ port, counters }: Transport, message: Uint8Array, to: Destination): void {
  const at = port.reserve(message.length, to);
  if (at < 0) {
    counters.count('management lost for lack of room');
    return;
  }
  port.out.set(message, at);
  port.commit();
}
