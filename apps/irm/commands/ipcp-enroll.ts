import { PeerError } from '#lib/core/index.ts';
import { silent } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { choice, flag, required, text } from '../grammar/params.ts';
import { autobind, ensureIpcp, undoing } from './membership.ts';
import { enrollTypes, isolate, newIpcpName } from './vocabulary.ts';

export const ipcpEnroll = defineCommand({
  summary: 'Make an IPC process a member of a layer; it is created if there is none of that name',
  keywords: {
    name: required(newIpcpName),
    layer: text('LAYER', 'the layer; without "dst", any member that is bound to its name'),
    dst: text('DST', 'the member to enroll with'),
    type: choice('TYPE', 'of a new IPC process (default: unicast)', enrollTypes),
    autobind: flag('bind the IPC process to its own name and to the layer'),
    isolate,
  },
  examples: [
    'irm ipcp enroll name n2 layer n autobind',
    'irm ipcp enroll name n2 dst n1 type unicast',
  ],
  check({ layer, dst }) {
    return layer === undefined && dst === undefined ? '"layer" or "dst" is missing.' : undefined;
  },
  run({ name, layer, dst, type, autobind: bind, isolate }, { irm }) {
    return undoing(async (undo) => {
      await ensureIpcp(irm, name, { type, isolate }, undo, 'unicast');
      const result = await irm.enrollIpcp(name, {
        ...(layer === undefined ? {} : { layer }),
        ...(dst === undefined ? {} : { dst }),
      });
      if (layer !== undefined && result.layer !== layer)
        throw new PeerError(`"${dst}" is in layer "${result.layer}", not "${layer}"`, 'EINVAL');
      if (bind) await autobind(irm, name, result.layer, undo);
      return silent(result);
    });
  },
});
