/** IPCP type `local`: processes of one host reach each other. */
import { z } from 'zod';
import { type IpcpType, ipcpType } from '#lib/ipcp-dev/index.ts';
import type { DirectoryHash } from '#lib/layer/index.ts';
import { hashOption } from '../common/hash-option.ts';
import { LocalLayer } from './local-layer.ts';

/** As the 2018 talk shows it: `server` is 081afc84 (docs/decisions/directory-hash-defaults.md). */
const DEFAULT_HASH: DirectoryHash = 'SHA3-224';

export const localIpcp: IpcpType = ipcpType({
  type: 'local',
  splice: true,
  config: z.strictObject({ hash: hashOption.default(DEFAULT_HASH) }),
  create: ({ clock, log, pid }) => ({
    async bootstrap(name, config) {
      const own = log('ipcpd-local');
      const layer = new LocalLayer({ clock, log: own }, { name, hash: config.hash }).user();
      own.info(`Bootstrapped local IPCP with pid ${pid}.`);
      return { layer, hash: config.hash };
    },
  }),
});
