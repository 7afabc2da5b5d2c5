/** How a shortcut touches the network, so that it runs alike over a socket and over the simulated medium of tests. */
import type { Address, TrainSender } from '#lib/udp/index.ts';
import type { Trains } from './trains.ts';

export interface ShortcutPortEvents {
  /** Something can be received; again in the next turn as long as that is so. */
  readable(): void;
  /** There is room after `reserve` said no. */
  room(): void;
}

export interface ShortcutPort {
  /** Own address and port. */
  readonly address: Address;
  /** Bytes of the receive buffer, with the kernel's own overhead. */
  readonly bufferBytes: number;
  readonly sender: Pick<
    TrainSender,
    'bytes' | 'reserve' | 'commit' | 'reserveRun' | 'runStart' | 'commitRun' | 'flush'
  >;
  listen(events: ShortcutPortEvents): void;
  /** Trains that wait, as many as fit; not above 0 when there are none. */
  receive(trains: Trains): number;
  /** Whether it keeps the process alive; it does from the start. */
  ref(): void;
  unref(): void;
  /** Idempotent. What was committed leaves first. */
  close(): void;
}
