import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { required } from '../grammar/params.ts';
import { serviceName } from './vocabulary.ts';
import { checkWhere, targets, whereKeywords } from './where.ts';

export const nameRegister = defineCommand({
  summary: 'Register a name in layers',
  first: { name: required(serviceName) },
  keywords: whereKeywords,
  examples: ['irm name register server layer local', 'irm n r ioq3 l ethernet'],
  check: checkWhere,
  async run({ name, ...where }, { irm }) {
    for (const target of targets(where)) await irm.registerName(name, target);
    return done;
  },
});
