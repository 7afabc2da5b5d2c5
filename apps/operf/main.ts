import { toolMain } from '#apps/common/tool-main.ts';
import { realClock } from '#lib/core/index.ts';
import { operf } from './operf.ts';

await toolMain({ process, clock: realClock }, { program: 'operf', run: operf });
