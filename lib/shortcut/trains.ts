/** Trains as a socket received them, in slots of one slab. Borrowed, so that a flow which waits for nothing holds none. */
import { addressSlot } from '#lib/udp/index.ts';

export const slabTrains = 4;
/** The longest train. */
export const trainSlot = 65_536;

export class Trains {
  readonly bytes: Uint8Array = new Uint8Array(slabTrains * trainSlot);
  /** Negative: it was cut. */
  readonly lengths: Int32Array = new Int32Array(slabTrains);
  /** Size of a train's datagrams, 0 when it is one. */
  readonly segments: Int32Array = new Int32Array(slabTrains);
  readonly from: Uint8Array = new Uint8Array(slabTrains * addressSlot);
  count = 0;
}

let spare: Trains | undefined;

export function borrowTrains(): Trains {
  const trains = spare ?? new Trains();
  spare = undefined;
  return trains;
}

export function giveBackTrains(trains: Trains): void {
  spare = trains;
}
