import { UsageError } from '#lib/core/index.ts';
import { silent } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import {
  bootstrapAliases,
  bootstrapKeywords,
  checkBootstrap,
  lacking,
  settings,
} from './bootstrap-options.ts';
import { autobind, ensureIpcp, undoing } from './membership.ts';

export const ipcpBootstrap = defineCommand({
  summary: 'Start a new layer with an IPC process, which is created if there is none of that name',
  keywords: bootstrapKeywords,
  aliases: bootstrapAliases,
  examples: [
    'irm ipcp bootstrap type local name local layer local',
    'irm i b t local l local n l1',
    'irm i b t eth-llc l ethernet n eth if wlan0',
    'irm ipcp bootstrap name n1 type unicast layer n autobind',
  ],
  check: checkBootstrap,
  async run(args, { irm, note }) {
    // Loaded here, because schemas take long to load and most commands need none.
    const { ipcpSettings, isMember } = await import('#lib/config/ipcp-stanzas.ts');
    const { name, layer } = args;
    return undoing(async (undo) => {
      const type = await ensureIpcp(irm, name, args, undo);
      const wanted = lacking(type, args);
      if (wanted !== undefined) throw new UsageError(wanted);
      const { config, ignored } = settings(type, args, ipcpSettings);
      const binds = args.autobind && isMember(type);
      const useless = args.autobind && !binds ? [...ignored, 'autobind'] : ignored;
      for (const word of useless) note(`"${word}" means nothing for type ${type}, ignored.`);
      if (binds) await autobind(irm, name, layer, undo);
      return silent(await irm.bootstrapIpcp(name, layer, config));
    });
  },
});
