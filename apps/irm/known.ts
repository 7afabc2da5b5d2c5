/** What there is to name on a command line: for completion and "did you mean". */
import type { Irm } from './client.ts';
import type { Ref } from './grammar/params.ts';

/** Words that `ref` may stand for now; empty for what irmd does not know (files, devices). */
export async function known(ref: Ref, irm: Irm): Promise<string[]> {
  switch (ref) {
    case 'ipcp':
      return (await irm.listIpcps()).map((row) => row.name);
    case 'layer':
      return distinct((await irm.listIpcps()).map((row) => row.layer ?? ''));
    case 'name':
      return (await irm.listNames()).map((row) => row.name);
    case 'pid':
      return (await irm.listProcesses()).map((row) => String(row.pid));
    case 'program':
      return distinct((await irm.listPrograms()).flatMap((row) => [row.program, row.path]));
    case 'file':
    case 'device':
      return [];
  }
}

function distinct(words: readonly string[]): string[] {
  return [...new Set(words)].filter((word) => word !== '');
}
