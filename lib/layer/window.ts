/**
 * How many packets of a flow two ends of ours may have on their way, so that a slow reader loses nothing and stops nobody else. A pure
 * engine: the sender counts what it sends against what the receiver has granted, both from the start of the flow and modulo 2^32. Now
 * and then the sender says how much it has sent (sync), which makes lost packets and lost grants good.
 *
 * `size` is granted without being said: both ends have the same, or tell each other before. Later grants follow the room that the reader has: what is granted
 * never has to be held anywhere else.
 */
export class Window {
  readonly #size: number;
  /** What the other end grants without saying it. */
  #peerSize: number;
  /** Counters modulo 2^32, as int32. */
  #sent = 0;
  #limit: number;
  #arrived = 0;
  #granted: number;
  #unread = 0;

  constructor(size: number) {
    this.#size = size;
    this.#peerSize = size;
    this.#limit = size;
    this.#granted = size;
  }

  /** The other end's size is another one. Before anything is sent. */
  peerHas(size: number): void {
    this.#peerSize = size;
    this.#limit = size;
  }

  get sent(): number {
    return this.#sent;
  }

  /** The receiver takes another packet. */
  get open(): boolean {
    return this.#sent !== this.#limit;
  }

  /** Packets that the receiver takes. */
  get left(): number {
    return (this.#limit - this.#sent) >>> 0;
  }

  /** Packets that `send` takes at a time. */
  get most(): number {
    return this.#peerSize / 2;
  }

  /** Packets leave, no more than half of the size. True: time to say how many have. */
  send(count = 1): boolean {
    this.#sent = (this.#sent + count) | 0;
    return (this.#sent >>> 0) % (this.#peerSize / 2) < count;
  }

  /** Packets have come; `waits`: for their reader, until `take`. */
  arrive(waits: boolean, count = 1): void {
    this.#arrived = (this.#arrived + count) | 0;
    if (waits) this.#unread += count;
  }

  /** The reader has taken one that waited. */
  take(): void {
    this.#unread--;
  }

  /** A new grant may be worth its message: with enough room it is. */
  get due(): boolean {
    return this.#more(this.#size) >= this.#size / 2;
  }

  /** Is there a grant worth its message, when the reader has room for `room` packets beyond those that wait? */
  worth(room: number): boolean {
    return room > 0 && this.#more(room) >= Math.min(room, this.#size / 2) / 2;
  }

  /** The grant to send. Nothing that was granted is taken back. */
  grant(room: number): number {
    const more = this.#more(room);
    if (more > 0) this.#granted = (this.#granted + more) | 0;
    return this.#granted;
  }

  /** A grant has come; nonsense and what is out of date change nothing. True: a waiting writer may go on. */
  granted(limit: number): boolean {
    const more = (limit - this.#limit) | 0;
    const ahead = (limit - this.#sent) | 0;
    if (more <= 0 || ahead > 2 * this.#peerSize) return false;
    this.#limit = limit | 0;
    return ahead > 0;
  }

  /** The sender says how many it has sent: what did not come is lost. False: nonsense. */
  synced(sent: number): boolean {
    const lost = (sent - this.#arrived) | 0;
    if (lost < -2 * this.#size || lost > 2 * this.#size) return false;
    this.#arrived = sent | 0;
    return true;
  }

  #more(room: number): number {
    const waits = this.#size - this.#unread;
    return (this.#arrived + Math.max(0, Math.min(waits, room)) - this.#granted) | 0;
  }
}
