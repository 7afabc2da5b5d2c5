/** What all lists share: filters with `*`, a table, the sentence for an empty one. */
import type { Reply } from '../context.ts';
import { wildcard } from '../grammar/match.ts';
import { type Column, table } from '../output/table.ts';

interface ListColumn<Row> extends Column {
  cell(row: Row): string | number;
}

export function listReply<Row>(
  rows: readonly Row[],
  what: string,
  filtered: boolean,
  columns: readonly ListColumn<Row>[],
): Reply {
  return {
    json: rows,
    text() {
      if (rows.length === 0) return filtered ? `No such ${what}.\n` : `No ${what} in system.\n`;
      return table(
        columns,
        rows.map((row) => columns.map((column) => column.cell(row))),
      );
    },
  };
}

/** True when there is no filter or the value fits it. */
export function matching(value: string, filter: string | undefined): boolean {
  return filter === undefined || wildcard(filter, value);
}

export function anyMatching(values: readonly string[], filter: string | undefined): boolean {
  return filter === undefined || values.some((value) => wildcard(filter, value));
}
