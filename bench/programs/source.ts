/**
 * The allocating end of the benchmarks between hosts. Prints one line of JSON.
 *
 *     source.js bulk NAME FLOWS BYTES MS    packets on all flows in turn, as fast as they take them: bit/s that arrived
 *     source.js alloc NAME TIMES            allocates, sends packets there and back, deallocates: medians, ms
 *     source.js cycle NAME TIMES            allocates and deallocates, nothing else: median of both together, ms
 *     source.js idle NAME FLOWS             opens flows, says "open", and holds them until its input ends
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultDev, type Flow, flowAlloc } from '#lib/dev/index.ts';
import { median } from '../measure.ts';
import { ask, askBytes } from './ask.ts';

/** Packets of a flow before the next flow gets its turn. */
const batch = 64;
/** Allocations at a time. */
const together = 8;
/** Milliseconds of bulk, and allocations, that are not measured. */
const warmUp = 500;

interface Count {
  packets: number;
  bytes: number;
  at: number;
}

async function allocate(name: string, count: number): Promise<Flow[]> {
  const flows: Flow[] = [];
  while (flows.length < count) {
    const some = Math.min(together, count - flows.length);
    flows.push(...(await Promise.all(Array.from({ length: some }, () => flowAlloc(name)))));
  }
  return flows;
}

/** What the sink has counted so far. */
async function question(flow: Flow): Promise<Count> {
  const packet = new Uint8Array(askBytes);
  packet[0] = ask;
  for (;;) {
    await flow.write(packet);
    const answer = await flow.read({ timeout: 1000 }).catch(() => undefined);
    if (answer?.length !== askBytes) continue;
    const view = new DataView(answer.buffer, answer.byteOffset);
    const at = performance.now();
    return { packets: view.getFloat64(4, true), bytes: view.getFloat64(12, true), at };
  }
}

/** Fills all flows until `stop`; a flow that is full is passed over until it says that there is space. */
async function fill(flows: readonly Flow[], size: number, stop: AbortSignal): Promise<void> {
  const packets = Array.from({ length: batch }, () => new Uint8Array(size));
  let ready = [...flows];
  let wake: (() => void) | undefined;
  stop.addEventListener('abort', () => wake?.());
  for (const flow of flows)
    flow.observe({
      writable: () => {
        ready.push(flow);
        wake?.();
      },
    });
  while (!stop.aborted) {
    const round = ready;
    ready = [];
    for (const flow of round) if (flow.writeBatch(packets) === batch) ready.push(flow);
    if (ready.length > 0) await new Promise<void>((resolve) => setImmediate(resolve));
    else
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  }
}

async function bulk(name: string, count: number, size: number, duration: number): Promise<object> {
  const control = await flowAlloc(name);
  const flows = await allocate(name, count);
  const stop = new AbortController();
  const filling = fill(flows, size, stop.signal);
  await sleep(warmUp);
  const start = await question(control);
  await sleep(duration);
  const end = await question(control);
  stop.abort();
  await filling;
  // What waits in the rings would disturb who measures next.
  for (let before = end, now = await question(control); now.bytes > before.bytes; ) {
    await sleep(100);
    [before, now] = [now, await question(control)];
  }
  return { bitsPerSecond: (8000 * (end.bytes - start.bytes)) / (end.at - start.at) };
}

async function alloc(name: string, times: number): Promise<object> {
  const allocations: number[] = [];
  const roundTrips: number[] = [];
  for (let i = -warmUp; i < times; i++) {
    const start = performance.now();
    const flow = await flowAlloc(name);
    if (i >= 0) allocations.push(performance.now() - start);
    await question(flow);
    for (let k = 0; k < 10 && i >= 0; k++) {
      const before = performance.now();
      roundTrips.push((await question(flow)).at - before);
    }
    await flow.dealloc();
  }
  return { allocation: median(allocations), roundTrip: median(roundTrips) };
}

async function cycle(name: string, times: number): Promise<object> {
  const cycles: number[] = [];
  for (let i = -warmUp; i < times; i++) {
    const start = performance.now();
    const flow = await flowAlloc(name);
    await flow.dealloc();
    if (i >= 0) cycles.push(performance.now() - start);
  }
  return { cycle: median(cycles) };
}

async function idle(name: string, count: number): Promise<object> {
  await allocate(name, count);
  console.log('open');
  for await (const _ of process.stdin);
  return {};
}

const [what = '', name = '', ...numbers] = process.argv.slice(2);
const [first = 0, second = 0, third = 0] = numbers.map(Number);
const modes: Record<string, () => Promise<object>> = {
  bulk: () => bulk(name, first, second, third),
  alloc: () => alloc(name, first),
  cycle: () => cycle(name, first),
  idle: () => idle(name, first),
};
const mode = modes[what];
if (mode === undefined) throw new Error(`Unknown mode "${what}"`);
console.log(JSON.stringify(await mode()));
await defaultDev().close();
