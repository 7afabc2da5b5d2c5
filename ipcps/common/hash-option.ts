/** The option `hash` of IPCP types that let their user choose: SHA-3 in any spelling of either era. */
import { z } from 'zod';
import { type DirectoryHash, parseDirectoryHash } from '#lib/layer/index.ts';

export const hashOption = z.string().transform((text, context): DirectoryHash => {
  const found = parseDirectoryHash(text);
  if (found?.startsWith('SHA3')) return found;
  context.addIssue({ code: 'custom', message: `${text} is not SHA3-224, -256, -384 or -512` });
  return z.NEVER;
});
