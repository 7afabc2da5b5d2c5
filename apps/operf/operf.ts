/** operf: the tool, without a process around it. */
import { reporting, type ToolIo } from '#apps/common/cli.ts';
import { FlowServer } from '#apps/common/flow-server.ts';
import { runClient } from './client.ts';
import { parseOptions } from './options.ts';
import { PerfService } from './server.ts';

export function operf(argv: readonly string[], io: ToolIo): Promise<number> {
  return reporting(io, async () => {
    const options = await parseOptions(argv, io);
    if ('exit' in options) return options.exit;
    if (options.mode === 'client') return runClient(io, options);
    await new FlowServer(io, new PerfService(io, options)).run(options.name);
    return 0;
  });
}
