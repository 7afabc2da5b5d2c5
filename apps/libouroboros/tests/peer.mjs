/**
 * The other end in TypeScript for tests/integration.sh: `peer.mjs serve` echoes every packet, `peer.mjs flood NAME COUNT SIZE`
 * sends numbered packets, 16 ahead, and prints how many came back right.
 */
import { flowAlloc, incoming } from 'ouroboros';

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

const [command, name, count, size] = process.argv.slice(2);
if (command === 'serve') for await (const flow of incoming()) void echo(flow);
else await flood(name, Number(count), Number(size));
process.exit(0);
