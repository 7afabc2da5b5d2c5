import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { required } from '../grammar/params.ts';
import { serviceName } from './vocabulary.ts';
import { checkWhere, targets, whereKeywords } from './where.ts';

/** 2018's form of `irm name unregister`. */
export const unregister = defineCommand({
  summary: 'Unregister a name from layers (the same as "irm name unregister")',
  keywords: { name: required(serviceName), ...whereKeywords },
  examples: ['irm unregister name server layer local', 'irm unreg n ioq3 l ethernet'],
  check: checkWhere,
  async run({ name, ...where }, { irm }) {
    for (const target of targets(where)) await irm.unregisterName(name, target);
    return done;
  },
});
