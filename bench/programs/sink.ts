/**
 * The accepting end of the benchmarks between hosts: takes whatever comes on any number of flows. A packet that starts with `ask` is
 * answered with how much came so far, on all flows together: u32 ask, then two f64, packets and bytes (little-endian).
 */
import { defaultDev, type Flow, FlowEvent, flowEnd, flowSet, incoming } from '#lib/dev/index.ts';
import { ask, askBytes } from './ask.ts';

/** Packets of one flow before the next one gets its turn. */
const batch = 64;

let packets = 0;
let bytes = 0;
let asked = false;

function visit(memory: Uint8Array, offset: number, length: number): boolean {
  if (length === askBytes && memory[offset] === ask) asked = true;
  else {
    packets++;
    bytes += length;
  }
  return true;
}

function serve(flow: Flow): void {
  flow.drain(visit, batch);
  if (!asked) return;
  asked = false;
  const answer = new DataView(new ArrayBuffer(askBytes));
  answer.setUint32(0, ask, true);
  answer.setFloat64(4, packets, true);
  answer.setFloat64(12, bytes, true);
  flow.tryWrite(new Uint8Array(answer.buffer));
}

await defaultDev().connect();
const set = flowSet();
set.addFrom(incoming()).catch((error) => {
  console.error(error);
  process.exit(1);
});
console.log('ready');
for await (const { flow, type } of set.events()) {
  if (type === FlowEvent.packet) serve(flow);
  else if ((type & flowEnd) !== 0) await flow.dealloc();
}
