/** Renders layouts and state machines as the pages of docs/wire. `scripts/wire-docs.ts` writes them; tests compare. */
import type { MachineTable } from '#lib/core/index.ts';
import { ciphers, digests } from '../algorithms.ts';
import { ByteOrder } from '../layout/index.ts';
import { Verdict } from '../verdict.ts';
import { type DocLayout, type DocPage, wirePages } from './pages.ts';

const made = 'Made from lib/wire by `npm run wire-docs`; do not edit.';

/** Text of each generated page, by its name in docs/wire. */
export function renderWireDocs(): Map<string, string> {
  const pages = new Map(wirePages.map((page) => [`${page.file}.md`, renderPage(page)]));
  pages.set('algorithms.md', renderAlgorithms());
  pages.set('README.md', renderIndex());
  return pages;
}

function renderPage({ title, intro, layouts }: DocPage): string {
  return `${[`<!-- ${made} -->`, `# ${title}`, intro, ...layouts.map(renderLayout)].join('\n\n')}\n`;
}

function renderLayout({ title, section, bytes, notes, rows }: DocLayout): string {
  const width = bytes === 1 ? '1 byte' : `${bytes} bytes`;
  const from = /^\d/.test(section) ? `edge specification ${section}` : section;
  const table = renderTable(
    ['offset', 'bytes', 'field', 'type', 'meaning'],
    rows.map(({ offset, bytes: n, name, type, order, doc }) => [
      String(offset),
      String(n),
      `\`${name}\``,
      order === ByteOrder.little ? `${type}, ${order}` : type,
      doc,
    ]),
  );
  const parts = [`## ${title}`, `${width} (${from}).`, table];
  if (notes !== undefined) parts.push(notes);
  return parts.join('\n\n');
}

function renderAlgorithms(): string {
  const digestRows = Object.entries(digests).map(([name, { nid, bytes, rank }]) =>
    [name, nid, bytes, rank].map(String),
  );
  const cipherRows = Object.entries(ciphers).map(([name, { nid, key, iv, tag, rank }]) =>
    [name, nid, key, iv, tag, rank].map(String),
  );
  return `${[
    `<!-- ${made} -->`,
    '# Algorithms in OAP messages',
    'Numbers are NIDs of OpenSSL; 0 is none. Of two, the one of higher rank is taken.',
    '## Digests, also of key derivation',
    renderTable(['name', 'NID', 'bytes', 'rank'], digestRows),
    '## Ciphers',
    renderTable(['name', 'NID', 'key bytes', 'IV bytes', 'tag bytes', 'rank'], cipherRows),
  ].join('\n\n')}\n`;
}

function renderIndex(): string {
  const pages = wirePages.map(({ file, title }) => `* [${title}](${file}.md)`);
  const verdicts = Object.keys(Verdict).filter((name) => name !== 'ok');
  return `${[
    `<!-- ${made} -->`,
    '# Wire formats',
    `Every byte that leaves a host, as the C prototype 0.23 has it. Integers are big-endian unless a table says otherwise; there is no padding
between fields. Each table is declared once, in lib/wire, and checked against captures of the prototype. Section numbers are those of the
description of the prototype that the tables were written from.`,
    [
      ...pages,
      '* [Algorithms](algorithms.md)',
      '* [Extensions](extensions.md): what only nodes of ours say to each other',
    ].join('\n'),
    `Bytes that are no message are dropped, and counted by the first thing that is wrong with them: ${verdicts.join(', ')}.`,
  ].join('\n\n')}\n`;
}

/** A page with the states of some machines. */
export function renderStates<S extends string>(
  title: string,
  machines: readonly MachineTable<S>[],
): string {
  const sections = machines.map(({ name, initial, states }) => {
    const rows = Object.entries<MachineTable<S>['states'][S]>(states).map(([state, row]) => [
      state === initial ? `**${state}**` : state,
      row.to.join(', ') || '–',
      row.final ? (row.failure ? 'failure' : 'end') : '',
    ]);
    return `## ${name}\n\n${renderTable(['state', 'may follow', ''], rows)}`;
  });
  return `${[`<!-- ${made} -->`, `# ${title}`, 'First states are bold.', ...sections].join('\n\n')}\n`;
}

function renderTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(header), `|${header.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}
