/** What ouro-ps does, given a process's surroundings. Returns an exit status. */
import { type SocketRow, socketTable } from './table.ts';

export interface PsOptions {
  json: boolean;
  watch: boolean;
}

export interface PsDeps {
  out(text: string): void;
  /** Calls a method of the gateway; undefined: no gateway runs. */
  readonly call: (method: string, params: object) => Promise<unknown> | undefined;
  readonly pause: () => Promise<void>;
  /** Standard output is a terminal. */
  readonly terminal: boolean;
  readonly interrupted: () => boolean;
}

const CLEAR = '\x1b[H\x1b[2J';

export async function ouroPs(options: PsOptions, deps: PsDeps): Promise<number> {
  for (;;) {
    const rows = await allRows(deps);
    if (options.watch && deps.terminal && !options.json) deps.out(CLEAR);
    deps.out(options.json ? `${JSON.stringify(rows)}\n` : render(rows));
    if (!options.watch) return 0;
    await deps.pause();
    if (deps.interrupted()) return 0;
  }
}

function render(rows: readonly SocketRow[]): string {
  return rows.length === 0 ? 'No program has redirected sockets\n' : socketTable(rows);
}

async function allRows(deps: PsDeps): Promise<SocketRow[]> {
  const rows: SocketRow[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const answer = deps.call('ps', { after });
    if (answer === undefined) return [];
    const page = (await answer) as { items: SocketRow[]; next?: number };
    rows.push(...page.items);
    after = page.next;
  }
  return rows;
}
