import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { required } from '../grammar/params.ts';
import { serviceName } from './vocabulary.ts';

export const nameDestroy = defineCommand({
  summary: 'Destroy a name, with its bindings and registrations',
  first: { name: required(serviceName) },
  examples: ['irm name destroy server'],
  async run({ name }, { irm }) {
    await irm.destroyName(name);
    return done;
  },
});
