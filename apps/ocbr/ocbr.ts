/** ocbr: the tool, without a process around it. */
import { reporting, type ToolIo } from '#apps/common/cli.ts';
import { FlowServer } from '#apps/common/flow-server.ts';
import { runClient } from './client.ts';
import { parseOptions } from './options.ts';
import { CbrService } from './server.ts';

export function ocbr(argv: readonly string[], io: ToolIo): Promise<number> {
  return reporting(io, async () => {
    const options = await parseOptions(argv, io);
    if ('exit' in options) return options.exit;
    if (options.mode === 'client') return runClient(io, options);
    await new FlowServer(io, new CbrService(io, options)).run(options.name);
    return 0;
  });
}
