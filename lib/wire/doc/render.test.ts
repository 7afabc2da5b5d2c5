import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { clientMachine, serverMachine } from '#lib/oap/index.ts';
import { wirePages } from './pages.ts';
import { renderStates, renderWireDocs } from './render.ts';

const docs = new URL('../../../docs/wire/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, docs), 'utf8');

describe('docs/wire', () => {
  it.each([...renderWireDocs()])('%s is up to date', (file, text) => {
    expect(read(file)).toBe(text);
  });

  it('has the states of OAP', () => {
    const text = renderStates<string>('States of OAP', [clientMachine, serverMachine]);
    expect(read('oap-states.md')).toBe(text);
  });

  it('has nothing else but what is written by hand', () => {
    const made = [...renderWireDocs().keys(), 'extensions.md', 'oap-states.md'];
    expect(readdirSync(docs).sort()).toEqual(made.sort());
  });

  it('explains every field, in tables that Markdown reads', () => {
    for (const { rows, title } of wirePages.flatMap(({ layouts }) => layouts))
      for (const { name, doc } of rows) expect(`${title} ${name}: ${doc}`).toMatch(/: [^|\n]+$/);
  });
});
