import { toolMain } from '#apps/common/tool-main.ts';
import { realClock } from '#lib/core/index.ts';
import { ocbr } from './ocbr.ts';

await toolMain({ process, clock: realClock }, { program: 'ocbr', run: ocbr });
