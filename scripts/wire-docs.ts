/** Writes the generated pages of docs/wire from the layouts of lib/wire and the machines of lib/oap. */
import { writeFileSync } from 'node:fs';
import { clientMachine, serverMachine } from '#lib/oap/index.ts';
import { renderStates, renderWireDocs } from '#lib/wire/doc/render.ts';

const docs = new URL('../../docs/wire/', import.meta.url);
for (const [file, text] of renderWireDocs()) writeFileSync(new URL(file, docs), text);
const states = renderStates<string>('States of OAP', [clientMachine, serverMachine]);
writeFileSync(new URL('oap-states.md', docs), states);
