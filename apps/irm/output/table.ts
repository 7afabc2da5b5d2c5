/**
 * Lists in the prototype's form (semantics 3.3): right-aligned columns between `+---+` rules and a blank line at the end.
 * A column grows beyond its least width when a value needs it.
 */
import { createRequire } from 'node:module';
import type CliTable from 'cli-table3';

export interface Column {
  readonly title: string;
  /** Least width of the values, in terminal cells. */
  readonly least?: number;
}

/** An ASCII frame with rules above, below the titles, and below the rows. */
const frame = {
  top: '-',
  'top-mid': '+',
  'top-left': '+',
  'top-right': '+',
  bottom: '-',
  'bottom-mid': '+',
  'bottom-left': '+',
  'bottom-right': '+',
  left: '|',
  'left-mid': '+',
  mid: '-',
  'mid-mid': '+',
  right: '|',
  'right-mid': '+',
  middle: '|',
};

export function table(
  columns: readonly Column[],
  rows: readonly (readonly (string | number)[])[],
): string {
  // Loaded when a list is printed: most commands print nothing, and start sooner without it.
  const Table = createRequire(import.meta.url)('cli-table3') as typeof CliTable;
  const cells = rows.map((row) => row.map((cell) => printable(String(cell))));
  const made = new Table({
    chars: frame,
    head: columns.map((column) => column.title.padStart(column.least ?? 0)),
    colAligns: columns.map(() => 'right' as const),
    style: { head: [], border: [], compact: true },
  });
  made.push(...cells);
  return `${made.toString()}\n\n`;
}

/** Names are chosen by others: nothing in them may steer the terminal. */
export function printable(value: string): string {
  return value.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal
    /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
