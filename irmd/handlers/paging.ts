/** Lists are answered in pages that fit a control message: `{after?: key}` gives `{items, next?}`. */

/** Bytes of JSON, an upper estimate of MessagePack; the message has 65,536 with its frame. */
const PAGE_BYTES = 40_000;

export interface Page<T> {
  items: T[];
  /** Pass it as `after` to go on; absent at the end. */
  next?: string | number;
}

/**
 * @param rows sorted by key; only those after `after` are read, and no more than fit.
 */
export function pageOf<E, T, K extends string | number>(
  rows: readonly E[],
  after: K | undefined,
  keyOf: (row: E) => K,
  show: (row: E) => T,
): Page<T> {
  const items: T[] = [];
  let bytes = 0;
  let last: K | undefined;
  for (const row of rows) {
    const key = keyOf(row);
    if (after !== undefined && !(key > after)) continue;
    const item = show(row);
    bytes += JSON.stringify(item).length;
    if (bytes > PAGE_BYTES && last !== undefined) return { items, next: last };
    items.push(item);
    last = key;
  }
  return { items };
}

export function sortedBy<E, K extends string | number>(
  rows: Iterable<E>,
  keyOf: (row: E) => K,
): E[] {
  return [...rows].sort((a, b) => {
    const [x, y] = [keyOf(a), keyOf(b)];
    return x < y ? -1 : x > y ? 1 : 0;
  });
}

/** A list inside one row is cut so that every row fits a page. */
export function bounded<T>(list: Iterable<T>, max = 1000): T[] {
  const out: T[] = [];
  for (const item of list) {
    if (out.length >= max) break;
    out.push(item);
  }
  return out;
}
