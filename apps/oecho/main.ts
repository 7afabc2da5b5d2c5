import { toolMain } from '#apps/common/tool-main.ts';
import { realClock } from '#lib/core/index.ts';
import { oecho } from './oecho.ts';

await toolMain({ process, clock: realClock }, { program: 'oecho', run: oecho });
