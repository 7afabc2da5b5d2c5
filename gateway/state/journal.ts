/**
 * What a restarted gateway needs, one JSON record a line: the address pool, runs, bound sockets. Appended before the program gets
 * its answer, so a gateway that is killed loses nothing it has promised. It lives in a folder that goes with the machine's
 * boot, so it is not synced to disk.
 *
 * BOUNDED: rewritten from the live state when it exceeds `maxBytes` and twice what the live state takes.
 */
import { closeSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { type JournalRecord, journalRecord } from './records.ts';

/** A line is far shorter; a longer one is damage. */
const MAX_LINE = 1 << 20;

export interface JournalConfig {
  readonly path: string;
  readonly maxBytes?: number;
}

export class Journal {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #snapshot: () => Iterable<JournalRecord>;
  #fd: number;
  #bytes: number;
  #limit: number;

  /** `snapshot`: records that rebuild the live state. Starts with them, so call `readJournal` before. */
  constructor(deps: { snapshot: () => Iterable<JournalRecord> }, config: JournalConfig) {
    this.#path = config.path;
    this.#maxBytes = config.maxBytes ?? 4 << 20;
    this.#snapshot = deps.snapshot;
    [this.#fd, this.#bytes] = this.#rewrite();
    this.#limit = Math.max(this.#maxBytes, 2 * this.#bytes);
  }

  append(record: JournalRecord): void {
    if (this.#fd < 0) return;
    this.#bytes += writeSync(this.#fd, `${JSON.stringify(record)}\n`);
    if (this.#bytes <= this.#limit) return;
    closeSync(this.#fd);
    [this.#fd, this.#bytes] = this.#rewrite();
    this.#limit = Math.max(this.#maxBytes, 2 * this.#bytes);
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }

  /** Never leaves a half-written journal under its name. */
  #rewrite(): [number, number] {
    let text = '';
    for (const record of this.#snapshot()) text += `${JSON.stringify(record)}\n`;
    const draft = `${this.#path}.new`;
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, this.#path);
    return [openSync(this.#path, 'a', 0o600), Buffer.byteLength(text)];
  }
}

/** Records in order; lines that are damaged (the last one of a gateway that was killed) are left out. */
export function readJournal(path: string): JournalRecord[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  const records: JournalRecord[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.length > MAX_LINE) continue;
    const record = parseLine(line);
    if (record !== undefined) records.push(record);
  }
  return records;
}

function parseLine(line: string): JournalRecord | undefined {
  try {
    return journalRecord.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
