/** Against another process: an independent implementation of the protocol, and its death. */
import { type ChildProcess, spawn } from 'node:child_process';
import { afterEach, expect, test } from '@jest/globals';
import { qosRaw } from '#lib/core/index.ts';
import { FlowEvent } from '#lib/layer/index.ts';
import { addonPath, os } from '#lib/os/index.ts';
import { createRing } from './create-ring.ts';
import { RingFlow } from './ring-flow.ts';

const echo = new URL('./fixtures/echo-peer.mjs', import.meta.url).pathname;
let child: ChildProcess | undefined;
let flow: RingFlow | undefined;
afterEach(() => {
  child?.kill('SIGKILL');
  flow?.dealloc();
});

function connect(config: { ringBytes: number; mtu: number }): RingFlow {
  const { memfd, bells } = createRing(config);
  child = spawn(process.execPath, [echo, addonPath()], {
    stdio: ['ignore', 'inherit', 'inherit', memfd, bells[1]],
  });
  os.close(bells[1]);
  flow = new RingFlow({}, { memfd, bell: bells[0], end: 0, qos: qosRaw });
  return flow;
}

test('every packet comes back, whatever its size', async () => {
  const flow = connect({ ringBytes: 8192, mtu: 2000 });
  const packets = Array.from({ length: 2000 }, (_, i) =>
    new Uint8Array(1 + ((i * 379) % 2000)).fill(i & 255),
  );
  const got: Uint8Array[] = [];
  let next = 0;
  await new Promise<void>((done) => {
    const push = () => {
      next += flow.writeBatch(packets, next);
    };
    flow.onWritable(push);
    flow.onReadable(() => {
      for (let p = flow.read(); p !== undefined; p = flow.read()) got.push(p);
      if (got.length === packets.length) done();
    });
    push();
  });
  expect(got.every((p, i) => Buffer.compare(p, packets[i]!) === 0)).toBe(true);
});

test('a killed peer is noticed, and what it wrote is still read', async () => {
  const flow = connect({ ringBytes: 8192, mtu: 2000 });
  const answered = new Promise<void>((done) => flow.onReadable(done));
  flow.write(new Uint8Array([42]));
  await answered;
  child?.kill('SIGKILL');
  const end = new Promise<FlowEvent>((done) => flow.onEvent(done));
  flow.onReadable(undefined);
  await new Promise<void>((done) => child?.once('exit', () => done()));
  expect(flow.read()).toEqual(new Uint8Array([42]));
  expect(flow.read()).toBeUndefined();
  expect(await end).toBe(FlowEvent.peer);
  expect(flow.ended).toBe(true);
});
