/**
 * The other end in TypeScript for tests/integration.sh: `peer.mjs serve` echoes every packet, `peer.mjs flood NAME COUNT SIZE`
 * sends numbered packets, 16 ahead, and prints how many came back right; `hold` and `watch` are as those of tool.c.
 */
import { FlowEvent, FlowFlag, flowAccept, flowAlloc, flowEnd, flowSet, incoming } from 'ouroboros';

async function echo(flow) {
  for await (const packet of flow) await flow.write(packet);
  await flow.dealloc();
}

async function flood(name, count, size) {
  const flow = await flowAlloc(name);
  const packet = Buffer.alloc(size);
  let sent = 0;
  let right = 0;
  while (right < count) {
    for (; sent < count && sent - right < 16; sent++) {
      packet.fill(sent & 0xff).writeUInt32LE(sent);
      await flow.write(packet);
    }
    const got = Buffer.from(await flow.read());
    packet.fill(right & 0xff).writeUInt32LE(right);
    if (!got.equals(packet)) break;
    right++;
  }
  await flow.dealloc();
  console.log(right);
}

async function hold(message) {
  const flow = await flowAccept();
  await flow.write(Buffer.from(message));
  for await (const packet of flow) {
    const word = Buffer.from(packet).toString();
    if (word === 'blink') {
      const { flags } = flow;
      flow.flags = flags | FlowFlag.FLOWFDOWN;
      await new Promise((resolve) => setTimeout(resolve, 100));
      flow.flags = flags;
    }
    if (word === 'bye') return flow.dealloc();
  }
}

/** What a C call would have returned. */
async function result(call) {
  const value = await call.catch((error) => -error.errno);
  console.log(value?.length ?? value ?? 0);
}

async function watch(name, word) {
  const flow = await flowAlloc(name);
  const set = flowSet();
  set.add(flow);
  for await (const { type } of set) {
    console.log(`event ${type}`);
    if (type === FlowEvent.up) await flow.write(Buffer.from('bye'));
    else await result(flow.read());
    if (type === FlowEvent.packet && word !== undefined) await flow.write(Buffer.from(word));
    if (type !== FlowEvent.packet && type !== FlowEvent.up)
      await result(flow.write(Buffer.from('x')));
    if (type & flowEnd) break;
  }
}

const [command, name, count, size] = process.argv.slice(2);
if (command === 'serve') for await (const flow of incoming()) void echo(flow);
else if (command === 'hold') await hold(name);
else if (command === 'watch') await watch(name, count);
else await flood(name, Number(count), Number(size));
if (command === 'hold') setInterval(() => {}, 60_000);
else process.exit(0);
