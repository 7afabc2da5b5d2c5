/** Events by name, counted. BOUNDED by the names that the code has. */
export class Counters {
  readonly #counts: Record<string, number> = {};

  count(what: string, times = 1): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + times;
  }

  get all(): Readonly<Record<string, number>> {
    return this.#counts;
  }
}
