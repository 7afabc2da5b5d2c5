/**
 * The layer of one host: a directory of the names registered here, and flows whose two ends are both here. irmd joins the
 * programs of a flow with one ring (splice), so in production no packet passes; used in-process, the ends hand
 * each other packets directly.
 *
 * Owns the directory, BOUNDED by 16,384 registrations, and a number per end of a flow as the prototype
 * shows them (`fd 64`), lowest free first, BOUNDED by `maxFlows`.
 */
import { type Clock, IdPool, type Logger, ResourceError } from '#lib/core/index.ts';
import {
  type Attempt,
  type DirectoryHash,
  hashText,
  inlinePair,
  LayerMember,
  type Link,
  type Medium,
  type NameHash,
  Registrations,
} from '#lib/layer/index.ts';

const MAX_NAMES = 16_384;
const MAX_FLOWS = 10_240;
const FIRST_NUMBER = 64;
/** Only for flows that are not spliced: packets that wait at each end, and the largest of them. */
const QUEUE = 1024;
const MTU = 65_535;
const ALLOCATION_TIMEOUT = 20_000;

type Numbers = readonly [number, number];

export interface LocalLayerConfig {
  name: string;
  hash: DirectoryHash;
  /** Default: as many as irmd has for the host. */
  maxFlows?: number;
}

export class LocalLayer {
  readonly #log: Logger;
  readonly #numbers: IdPool;
  readonly #maxFlows: number;
  readonly #medium: Medium;

  constructor(deps: { clock: Pick<Clock, 'after'>; log: Logger }, config: LocalLayerConfig) {
    this.#log = deps.log;
    this.#maxFlows = config.maxFlows ?? MAX_FLOWS;
    this.#numbers = new IdPool(FIRST_NUMBER, 2 * this.#maxFlows);
    const directory = new Registrations<LayerMember>(MAX_NAMES);
    this.#medium = {
      name: config.name,
      hash: config.hash,
      clock: deps.clock,
      timeout: ALLOCATION_TIMEOUT,
      directory,
      reachable: () => true,
      query: async (_from, hash) => directory.has(hash),
      control: (_from, _to, arrive) => {
        queueMicrotask(arrive);
        return true;
      },
      begin: () => this.#begin(),
      detach: (member) => directory.removeAll(member),
    };
  }

  /** One who uses the layer; irmd is the only one in production. */
  user(): LayerMember {
    return new LocalUser(this.#medium, this.#log);
  }

  #begin(): Attempt {
    let numbers: Numbers | undefined = this.#take();
    let linked = false;
    this.#log.info(`Pending local allocation request on fd ${numbers[0]}.`);
    return {
      link: (_from, _to, qos, ended) => {
        const ours = numbers ?? this.#take();
        linked = true;
        const ends = inlinePair({ qos, mtu: MTU, queue: QUEUE }, (side) => {
          this.#log.info(`Flow with fd ${ours[side]} deallocated.`);
          this.#numbers.release(ours[side]);
          if (ends.every((end) => end.state === 'released')) ended(link);
        });
        const link: Link = {
          ends,
          close: () => {
            for (const end of ends) end.peerGone();
          },
        };
        this.#log.info(`Flow allocation completed, fds (${ours[0]}, ${ours[1]}).`);
        return link;
      },
      drop: () => {
        if (linked || numbers === undefined) return;
        for (const number of numbers) this.#numbers.release(number);
        numbers = undefined;
      },
    };
  }

  #take(): Numbers {
    const first = this.#numbers.take();
    const second = this.#numbers.take();
    if (first !== undefined && second !== undefined) return [first, second];
    if (first !== undefined) this.#numbers.release(first);
    throw new ResourceError(
      `Layer ${this.#medium.name} has no room for another flow: ${this.#maxFlows}`,
    );
  }
}

class LocalUser extends LayerMember {
  readonly #log: Logger;

  constructor(medium: Medium, log: Logger) {
    super(medium);
    this.#log = log;
  }

  override async register(hash: NameHash): Promise<void> {
    await super.register(hash);
    this.#log.info(`Registered ${hashText(hash)}.`);
  }

  override async unregister(hash: NameHash): Promise<void> {
    await super.unregister(hash);
    this.#log.info(`Unregistered ${hashText(hash)}.`);
  }
}
