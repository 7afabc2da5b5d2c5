/**
 * Sends packets with a sequence number (8 bytes, little-endian; the rest means nothing) and says how many.
 */
import { allocationFailed, type ToolIo, toJson } from '#apps/common/cli.ts';
import { streamPackets } from '#apps/common/packet-stream.ts';
import type { Flow } from '#lib/dev/index.ts';
import type { ClientOptions } from './options.ts';
import { sentLine } from './text.ts';

export async function runClient(io: ToolIo, options: ClientOptions): Promise<number> {
  const { name, size, rate, duration } = options;
  let flow: Flow;
  try {
    flow = await io.dev.flowAlloc(name, { signal: io.interrupt });
  } catch (error) {
    return allocationFailed(io, name, error);
  }
  try {
    const { failure, ...sent } = await streamPackets(
      { flow, clock: io.clock, signal: io.interrupt },
      { size, rate, duration },
    );
    io.out(options.json ? toJson({ name, size, ...sent }) : sentLine(sent));
    if (failure !== undefined) throw failure;
    return 0;
  } finally {
    if (flow.state !== 'deallocated') await flow.dealloc();
  }
}
