/** Rows of `ouro-ps` as a table for people. */
import Table from 'cli-table3';

/** As the gateway gives them: gateway/admin/rows.ts says what each is. */
export interface SocketRow {
  pid: number;
  program: string;
  proto: string;
  state: string;
  local: string;
  peer?: string;
  names?: string[];
  via?: string;
  flow?: number;
  sent?: number;
  received?: number;
  recvq?: number;
  sendq?: number;
  dropped?: number;
}

const HEAD = 'PID,PROGRAM,PROTO,STATE,LOCAL,PEER,NAME,VIA,FLOW,RECEIVED,SENT'.split(',');
const RIGHT = new Set(['PID', 'FLOW', 'RECEIVED', 'SENT']);
const PROGRAM_WIDTH = 20;

export function socketTable(rows: readonly SocketRow[]): string {
  const table = new Table({
    head: HEAD,
    chars: noLines(),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    colAligns: HEAD.map((h) => (RIGHT.has(h) ? 'right' : 'left')),
  });
  for (const row of rows) table.push(cells(row));
  const lines = table.toString().split('\n');
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

function noLines(): Record<string, string> {
  const edges = ['top', 'bottom', 'left', 'right', 'mid'];
  const parts = ['', '-mid', '-left', '-right'];
  const chars: Record<string, string> = { middle: '  ' };
  for (const edge of edges) for (const part of parts) chars[edge + part] = '';
  return chars;
}

function cells(row: SocketRow): string[] {
  const dropped = row.dropped === undefined ? '' : ` (${row.dropped} dropped)`;
  return [
    String(row.pid),
    cut(row.program),
    row.proto,
    row.state,
    row.local,
    row.peer ?? '-',
    row.names === undefined ? '-' : clean(row.names.join(',')),
    row.via ?? '-',
    row.flow === undefined ? '-' : String(row.flow),
    amount(row.received, row.recvq),
    amount(row.sent, row.sendq) + dropped,
  ];
}

/** Counted bytes, and what waits in the socket: `100 (12 wait)`; `-` when nobody counted. */
function amount(counted: number | undefined, waiting: number | undefined): string {
  const bytes = counted === undefined ? '-' : formatBytes(counted);
  return waiting === undefined || waiting === 0 ? bytes : `${bytes} (${formatBytes(waiting)} wait)`;
}

/** At most four digits and a unit of 1,024. */
export function formatBytes(bytes: number): string {
  const units = ['', 'K', 'M', 'G', 'T', 'P'];
  let value = bytes;
  let unit = 0;
  while (value >= 10_000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Math.round(value)}${units[unit]}`;
}

function cut(text: string): string {
  const shown = clean(text);
  return shown.length > PROGRAM_WIDTH ? `${shown.slice(0, PROGRAM_WIDTH - 1)}…` : shown;
}

/** Names come from users: one must not be able to move the cursor. */
function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}
