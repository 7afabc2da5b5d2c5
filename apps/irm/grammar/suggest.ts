/** "Did you mean": the known word nearest to a mistyped one. */

/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours. */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        last[j]! + 1,
        row[j - 1]! + 1,
        last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
        swapped ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/** Longest word that is compared; the distance costs the product of the lengths. */
const LONGEST = 64;

/**
 * The candidate nearest to `word`, whole or abbreviated, when it is near enough to be a slip of the finger; ties go to
 * the first.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > LONGEST) return undefined;
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let least = Math.floor(Math.max(word.length, 3) / 3) + 1;
  for (const candidate of candidates) {
    if (candidate.length > LONGEST) continue;
    const whole = candidate.toLowerCase();
    const asWhole = distance(wanted, whole);
    // Half a point worse, so that a whole word wins over the beginning of another.
    const start = word.length < 3 ? asWhole : distance(wanted, whole.slice(0, word.length)) + 0.5;
    const d = Math.min(asWhole, start);
    if (d < least) {
      best = candidate;
      least = d;
    }
  }
  return best;
}
