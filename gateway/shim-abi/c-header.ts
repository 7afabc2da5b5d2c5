/** Renders layout.ts as the C header of the shim. `npm run abi` writes it; a test compares. */
import {
  ABI_VERSION,
  Action,
  DGRAM,
  DgramKind,
  type Field,
  MAGIC_REP,
  MAGIC_REQ,
  Op,
  PATH_BYTES,
  REP,
  REQ,
  RepFlag,
  ReqFlag,
  SLOT,
  SocketState,
  structBytes,
  TABLE_OPTS,
  TABLE_SLOTS,
  TABLE_WINDOW,
  TEXT_BYTES,
} from './layout.ts';

const C_TYPE: Readonly<Record<Field['type'], readonly [string, string]>> = {
  u8: ['uint8_t', ''],
  u16: ['uint16_t', ''],
  u32: ['uint32_t', ''],
  i32: ['int32_t', ''],
  u64: ['uint64_t', ''],
  addr: ['uint8_t', '[16]'],
  text: ['char', '[OURO_TEXT_BYTES]'],
  path: ['char', '[OURO_PATH_BYTES]'],
  opts: ['int32_t', '[OURO_TABLE_OPTS]'],
};

function struct(name: string, fields: readonly Field[]): string {
  const lines = fields.map((f) => {
    const [type, dim] = C_TYPE[f.type];
    const comment = f.doc ? ` /* ${f.doc} */` : '';
    return `    ${type} ${f.name}${dim};${comment}`;
  });
  return `struct ${name} {\n${lines.join('\n')}\n} __attribute__((aligned(8)));\n_Static_assert(sizeof(struct ${name}) == ${padded(structBytes(fields))}, "${name}");\n`;
}

function padded(n: number): number {
  return (n + 7) & ~7;
}

function defines(prefix: string, values: Readonly<Record<string, number>>): string {
  return Object.entries(values)
    .map(([k, v]) => `#define OURO_${prefix}_${k} ${v}u`)
    .join('\n');
}

export function renderHeader(): string {
  return `/* Made from gateway/shim-abi/layout.ts by \`npm run abi\`; do not edit. Contract: docs/protocols/gateway.md */
#ifndef OURO_ABI_H
#define OURO_ABI_H

#include <stdint.h>

#define OURO_ABI_VERSION ${ABI_VERSION}u
#define OURO_MAGIC_REQ 0x${MAGIC_REQ.toString(16)}u
#define OURO_MAGIC_REP 0x${MAGIC_REP.toString(16)}u
#define OURO_TEXT_BYTES ${TEXT_BYTES}u
#define OURO_PATH_BYTES ${PATH_BYTES}u
#define OURO_TABLE_SLOTS ${TABLE_SLOTS}u
#define OURO_TABLE_WINDOW ${TABLE_WINDOW}u
#define OURO_TABLE_OPTS ${TABLE_OPTS}u

${defines('OP', Op)}

${defines('REQ', ReqFlag)}

${defines('REP', RepFlag)}

${defines('ACTION', Action)}

${defines('DGRAM', DgramKind)}

${defines('STATE', SocketState)}

${struct('ouro_req', REQ)}
${struct('ouro_rep', REP)}
${struct('ouro_dgram', DGRAM)
  .replace('aligned(8)', 'aligned(4)')
  .replace(/== \d+/, `== ${structBytes(DGRAM)}`)}
${struct('ouro_slot', SLOT)}
#endif
`;
}
