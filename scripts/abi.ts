/** Writes shim/include/ouro_abi.h from gateway/shim-abi/layout.ts. */
import { writeFileSync } from 'node:fs';
import { renderHeader } from '#gateway/shim-abi/c-header.ts';

writeFileSync(new URL('../../shim/include/ouro_abi.h', import.meta.url), renderHeader());
