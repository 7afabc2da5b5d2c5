/**
 * N nodes in one process and in virtual time, joined by layers: MemoryNetworks, or any other Layer that a test gives to a node
 * (a real local layer, or a unicast IPCP stacked on what the node already has).
 *
 * Owns the clock, the randomness and what was deferred; `close` undoes all of it in reverse order.
 */
import { type Millis, Scope, UsageError } from '#lib/core/index.ts';
import { type Layer, MemoryNetwork, type MemoryNetworkConfig } from '#lib/layer/index.ts';
import { SeededRandom } from './random.ts';
import { SimClock } from './sim-clock.ts';

/** One host: a name and the layers that it is a member of. */
export class WorldNode {
  readonly name: string;
  readonly #layers = new Map<string, Layer>();

  constructor(name: string) {
    this.name = name;
  }

  add(layer: Layer): void {
    if (this.#layers.has(layer.name))
      throw new UsageError(`Node ${this.name} is in layer ${layer.name} already`, 'EEXIST');
    this.#layers.set(layer.name, layer);
  }

  layer(name: string): Layer {
    const layer = this.#layers.get(name);
    if (layer === undefined)
      throw new UsageError(`Node ${this.name} is not in layer ${name}`, 'ENOENT');
    return layer;
  }

  get layers(): readonly Layer[] {
    return [...this.#layers.values()];
  }
}

export class World {
  readonly clock = new SimClock();
  readonly random: SeededRandom;
  readonly scope = new Scope();
  readonly #nodes = new Map<string, WorldNode>();

  constructor(seed = 1) {
    this.random = new SeededRandom(seed);
  }

  /** The node of that name; made when it is new. */
  node(name: string): WorldNode {
    const found = this.#nodes.get(name) ?? new WorldNode(name);
    this.#nodes.set(name, found);
    return found;
  }

  /** A new network, with these nodes as its members. */
  join(config: MemoryNetworkConfig, ...nodes: string[]): MemoryNetwork {
    const network = new MemoryNetwork({ clock: this.clock, random: this.random }, config);
    for (const name of nodes) this.add(name, network.attach(name));
    return network;
  }

  /** Makes a node a member of any layer; closed with the world. */
  add(node: string, layer: Layer): Layer {
    this.node(node).add(layer);
    this.scope.defer(() => layer.close());
    return layer;
  }

  run<T>(promise: Promise<T>, limit?: Millis): Promise<T> {
    return this.clock.run(promise, limit);
  }

  until(condition: () => boolean, what?: string, limit?: Millis): Promise<void> {
    return this.clock.until(condition, what, limit);
  }

  pass(span: Millis): Promise<void> {
    return this.clock.advance(span);
  }

  async close(): Promise<void> {
    await this.clock.run(this.scope.close());
    await this.clock.runUntilIdle();
  }
}
