/** IPCP type `local`: processes of one host reach each other. */
import { z } from 'zod';
import { type IpcpType, ipcpType } from '#lib/ipcp-dev/index.ts';
import { type DirectoryHash, parseDirectoryHash } from '#lib/layer/index.ts';
import { LocalLayer } from './local-layer.ts';

/** As the 2018 talk shows it: `server` is 081afc84 (docs/decisions/directory-hash-defaults.md). */
const DEFAULT_HASH: DirectoryHash = 'SHA3-224';

const hash = z.string().transform((text, context): DirectoryHash => {
  const found = parseDirectoryHash(text);
  if (found?.startsWith('SHA3')) return found;
  context.addIssue({ code: 'custom', message: `${text} is not SHA3-224, -256, -384 or -512` });
  return z.NEVER;
});

export const localIpcp: IpcpType = ipcpType({
  type: 'local',
  splice: true,
  config: z.strictObject({ hash: hash.default(DEFAULT_HASH) }),
  create: ({ clock, log, pid }) => ({
    async bootstrap(name, config) {
      const own = log('ipcpd-local');
      const layer = new LocalLayer({ clock, log: own }, { name, hash: config.hash }).user();
      own.info(`Bootstrapped local IPCP with pid ${pid}.`);
      return { layer, hash: config.hash };
    },
  }),
});
