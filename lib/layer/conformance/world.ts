/** What the suite needs of an implementation, and the steps that its tests share. */
import { afterEach, beforeEach } from '@jest/globals';
import { type Millis, qosRaw, utf8 } from '#lib/core/index.ts';
import type { AllocatedFlow, AllocateOptions, Flow, FlowRequest, Layer } from '../layer.ts';

/** Members of one layer, and the time in which they live (virtual, or real for real sockets). */
export interface LayerWorld {
  readonly members: readonly [Layer, Layer, Layer];
  /** Awaits a promise while the world's time passes. */
  run<T>(promise: Promise<T>): Promise<T>;
  /** Lets time pass until the condition holds, and fails when it does not in reasonable time. */
  until(condition: () => boolean, what: string): Promise<void>;
  pass(span: Millis): Promise<void>;
  close(): Promise<void>;
}
export type MakeWorld = () => Promise<LayerWorld>;

/** What a layer may lack. */
export interface LayerTraits {
  /** A member can allocate to a name that it registered itself. */
  readonly selfReach: boolean;
  /** `join` gives a flow. */
  readonly broadcast: boolean;
  /** There is a third member; without it, the third of the world is the first again. */
  readonly threeMembers: boolean;
  /** Flows that are open at the same time in the tests of many. */
  readonly manyFlows: number;
}
export const allOf: LayerTraits = {
  selfReach: true,
  broadcast: false,
  threeMembers: true,
  manyFlows: 200,
};

/** Longer than anything that is on its way, shorter than any time-out of a test. */
export const aWhile: Millis = 50;

/** A world per test, closed after it. */
export function useWorld(makeWorld: MakeWorld): { readonly world: LayerWorld } {
  const holder: { world: LayerWorld } = { world: undefined as unknown as LayerWorld };
  beforeEach(async () => {
    holder.world = await makeWorld();
  });
  afterEach(async () => {
    await holder.world.close();
  });
  return holder;
}

/** Registers `name` at `server` and answers its requests with `answer`. */
export async function serve(
  world: LayerWorld,
  server: Layer,
  name: string,
  answer: (request: FlowRequest) => void,
): Promise<void> {
  server.onRequest(answer);
  await world.run(server.register(server.hash(name)));
}

export function open(
  world: LayerWorld,
  client: Layer,
  name: string,
  options: Partial<AllocateOptions> = {},
): Promise<AllocatedFlow> {
  return world.run(client.allocate(client.hash(name), { qos: qosRaw, ...options }));
}

/** A flow from member 0 to a server at member 1: the ends of both. */
export async function openPair(
  world: LayerWorld,
  name = 'server',
): Promise<{ client: Flow; server: Flow }> {
  let server: Flow | undefined;
  await serve(world, world.members[1], name, (request) => {
    server = request.accept();
  });
  const { flow } = await open(world, world.members[0], name);
  return { client: flow, server: server! };
}

export function text(packet: Uint8Array | undefined): string | undefined {
  return packet === undefined ? undefined : Buffer.from(packet).toString('utf8');
}

/** Writes all of them, waiting as the contract says. */
export async function writeAll(
  world: LayerWorld,
  flow: Flow,
  packets: readonly Uint8Array[],
): Promise<void> {
  let next = 0;
  const step = () => {
    while (next < packets.length && flow.write(packets[next]!)) next++;
  };
  flow.onWritable(step);
  step();
  await world.until(() => next === packets.length, 'Writing');
  flow.onWritable(undefined);
}

/** Collects what arrives, from now on. */
export function collect(flow: Flow): Uint8Array[] {
  const packets: Uint8Array[] = [];
  flow.onReadable(() => {
    for (let p = flow.read(); p !== undefined; p = flow.read()) packets.push(p);
  });
  return packets;
}

export async function receive(world: LayerWorld, flow: Flow, count: number): Promise<Uint8Array[]> {
  const packets = collect(flow);
  await world.until(() => packets.length >= count, `Arrival of ${count} packets`);
  flow.onReadable(undefined);
  return packets;
}

export const hello = utf8('hello');
