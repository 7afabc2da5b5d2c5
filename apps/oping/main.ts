import { toolMain } from '#apps/common/tool-main.ts';
import { realClock } from '#lib/core/index.ts';
import { oping } from './oping.ts';

await toolMain({ process, clock: realClock }, { program: 'oping', run: oping });
