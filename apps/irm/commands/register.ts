import { done } from '../context.ts';
import { defineCommand } from '../grammar/command.ts';
import { required } from '../grammar/params.ts';
import { serviceName } from './vocabulary.ts';
import { checkWhere, targets, whereKeywords } from './where.ts';

/** 2018's form of `irm name register`. */
export const register = defineCommand({
  summary: 'Register a name in layers (the same as "irm name register")',
  keywords: { name: required(serviceName), ...whereKeywords },
  examples: ['irm register name server layer local', 'irm reg n ioq3 l ethernet'],
  check: checkWhere,
  async run({ name, ...where }, { irm }) {
    for (const target of targets(where)) await irm.registerName(name, target);
    return done;
  },
});
