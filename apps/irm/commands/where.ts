/** Where a name is registered: the part that both eras' register and unregister share. */
import type { Target } from '#lib/irm/index.ts';
import { many, text } from '../grammar/params.ts';

/** `layer` and `ipcp`, any number of times each. */
export const whereKeywords = {
  ipcp: many(text('IPCP', 'an IPC process', { refers: 'ipcp' })),
  layer: many(text('LAYER', 'every IPC process here of that layer', { refers: 'layer' })),
};

interface Where {
  readonly ipcp: readonly string[];
  readonly layer: readonly string[];
}

export function checkWhere({ ipcp, layer }: Where): string | undefined {
  return ipcp.length + layer.length === 0 ? '"layer" or "ipcp" is missing.' : undefined;
}

export function targets({ ipcp, layer }: Where): Target[] {
  return [
    ...ipcp.map((name): Target => ({ ipcp: name })),
    ...layer.map((name): Target => ({ layer: name })),
  ];
}
