import { resolve } from 'node:path';
import { silent } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { choice, required, text } from '../grammar/params.ts';

const security = (help: string) =>
  text('FILE', help, { refers: 'file', section: 'Files for authentication and encryption' });

/** The configuration file says "spill" (semantics 4.2). */
const policies = {
  'round-robin': 'round-robin',
  spillover: 'spillover',
  spill: 'spillover',
} as const;

export const nameCreate = defineCommand({
  summary: 'Create a name',
  first: { name: required(text('NAME', 'the new name')) },
  keywords: {
    lb: choice(
      'POLICY',
      'which of several accepting processes gets a flow (default: round-robin)',
      policies,
    ),
    sencpath: security('encryption of the server'),
    scrtpath: security('certificate of the server'),
    skeypath: security('private key of the server'),
    cencpath: security('encryption of the client'),
    ccrtpath: security('certificate of the client'),
    ckeypath: security('private key of the client'),
  },
  examples: ['irm name create server', 'irm name create web lb spillover'],
  async run({ name, lb, '--': _, ...paths }, { irm, cwd, note }) {
    const given = Object.entries(paths).flatMap(([key, path]) =>
      path === undefined ? [] : [[key, resolve(cwd, path)]],
    );
    const result = await irm.createName(name, {
      ...(lb === undefined ? {} : { lb }),
      ...(given.length === 0 ? {} : { security: Object.fromEntries(given) }),
    });
    if (!result.created) note(`Name "${name}" already exists.`);
    return silent(result);
  },
});
