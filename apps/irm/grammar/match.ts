/**
 * Word matching of the prototype's CLI (semantics 3.1): a word stands for a keyword when it is a prefix of it, and the
 * first match in table order wins. So `c` is `create` although `connect` starts with it too, and `co` is `connect`.
 */

/** The empty word, a prefix of everything, stands for nothing. */
export function abbreviates(word: string, keyword: string): boolean {
  return word !== '' && keyword.startsWith(word);
}

/** First row of `table` whose keyword `word` stands for. Rows that are `exact` must be spelled out. */
export function firstMatch<T extends { readonly word: string; readonly exact?: boolean }>(
  word: string,
  table: Iterable<T>,
): T | undefined {
  for (const row of table)
    if (row.exact ? row.word === word : abbreviates(word, row.word)) return row;
  return undefined;
}

/** `*` in `pattern` matches any run of characters; without one the texts must be equal. */
export function wildcard(pattern: string, text: string): boolean {
  const pieces = pattern.split('*');
  const head = pieces.shift()!;
  const tail = pieces.pop();
  if (tail === undefined) return text === head;
  if (text.length < head.length + tail.length) return false;
  if (!text.startsWith(head) || !text.endsWith(tail)) return false;
  const end = text.length - tail.length;
  let at = head.length;
  for (const piece of pieces) {
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}
