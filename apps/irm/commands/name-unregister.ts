import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { required } from '../grammar/params.ts';
import { serviceName } from './vocabulary.ts';
import { checkWhere, targets, whereKeywords } from './where.ts';

export const nameUnregister = defineCommand({
  summary: 'Unregister a name from layers',
  first: { name: required(serviceName) },
  keywords: whereKeywords,
  examples: ['irm name unregister server layer local', 'irm n u ioq3 l ethernet'],
  check: checkWhere,
  async run({ name, ...where }, { irm }) {
    for (const target of targets(where)) await irm.unregisterName(name, target);
    return done;
  },
});
