/**
 * How many packets of a flow two ends of ours may have on their way, so that a slow reader loses nothing and stops nobody else. A pure
 * engine: the sender counts what it sends against what the receiver has granted, both from the start of the flow and modulo 2^32. Now
 * and then the sender says how much it has sent (sync), which makes lost packets and lost grants good.
 */
export const windowPackets = 2048;

export class Window {
  #sent = 0;
  #limit = windowPackets;
  #arrived = 0;
  #granted = windowPackets;
  #unread = 0;

  get sent(): number {
    return this.#sent;
  }

  /** The receiver takes another packet. */
  get open(): boolean {
    return this.#sent !== this.#limit;
  }

  /** A packet leaves. True: time to say how many have. */
  send(): boolean {
    this.#sent = (this.#sent + 1) | 0;
    return this.#sent % (windowPackets / 2) === 0;
  }

  /** A packet has come; `kept`: it waits for the reader. */
  arrive(kept: boolean): void {
    this.#arrived = (this.#arrived + 1) | 0;
    if (kept) this.#unread++;
  }

  /** The reader has taken one. True: time for a new grant. */
  take(): boolean {
    this.#unread--;
    const more = (this.#arrived + windowPackets - this.#unread - this.#granted) | 0;
    return more >= windowPackets / 2;
  }

  /** The grant to send. */
  grant(): number {
    this.#granted = (this.#arrived + Math.max(0, windowPackets - this.#unread)) | 0;
    return this.#granted;
  }

  /** A grant has come; nonsense and what is out of date change nothing. True: a waiting writer may go on. */
  granted(limit: number): boolean {
    const more = (limit - this.#limit) | 0;
    const ahead = (limit - this.#sent) | 0;
    if (more <= 0 || ahead > windowPackets) return false;
    this.#limit = limit | 0;
    return ahead > 0;
  }

  /** The sender says how many it has sent: what did not come is lost. False: nonsense. */
  synced(sent: number): boolean {
    const lost = (sent - this.#arrived) | 0;
    if (lost < -windowPackets || lost > windowPackets) return false;
    this.#arrived = sent | 0;
    return true;
  }
}
