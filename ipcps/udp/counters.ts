/** Events by name, counted. BOUNDED by the names that the code has. */
export class Counters {
  readonly #counts: Record<string, number> = {};

  count(what: string): void {
    this.#counts[what] = (this.#counts[what] ?? 0) + 1;
  }

  get all(): Readonly<Record<string, number>> {
    return this.#counts;
  }
}
