/**
 * How an allocation gets from here to its other end (semantics 1.8): to a process here that accepts right now; else through a layer that knows the
 * name; else to a process here that may accept soon, or can be started. A client needs no local entry for a name that a layer knows.
 *
 * A name that is registered in a layer with both ends on this host goes through that layer, which says yes to both at once (splice): the
 * layer sees the flow, irmd asks the accepting program and joins the ends with one ring. Owns nothing.
 */
import {
  Abort,
  type Millis,
  noBytes,
  OuroError,
  PeerError,
  type QosSpec,
  type Signal,
} from '#lib/core/index.ts';
import { hashName } from '#lib/layer/index.ts';
import type { Reply } from '#lib/rpc/index.ts';
import type { Acceptors } from './acceptors.ts';
import type { Connection, Flow } from './connection.ts';
import type { Answer, Delivery } from './delivery.ts';
import type { Rings } from './host.ts';
import type { IpcpLink } from './ipcp-link.ts';
import type { Layers, Member } from './layers.ts';
import type { Oap } from './oap.ts';
import type { Registry } from './registry/index.ts';

export interface AllocRequest {
  readonly dst: string;
  readonly qos: QosSpec;
  readonly data: Uint8Array;
  readonly timeout: Millis;
  readonly handoff: boolean;
}

export interface FlowPathsDeps {
  registry: Registry<Connection>;
  acceptors: Acceptors<Connection, Reply>;
  delivery: Delivery;
  layers: Layers;
  rings: Rings;
  oap: Oap;
}

export class FlowPaths {
  readonly #deps: FlowPathsDeps;

  constructor(deps: FlowPathsDeps) {
    this.#deps = deps;
  }

  /** `uid`: who allocates. PeerError ENAME, EIPCP, or the accepting side's errno. */
  async reach(flow: Flow, uid: number, request: AllocRequest, signal: Signal): Promise<Answer> {
    const { acceptors, layers, registry } = this.#deps;
    const { dst } = request;
    if (!acceptors.ready(dst)) {
      const outer = layers.outer(dst);
      const answer =
        outer.length > 0 ? await this.#elsewhere(flow, outer, request, signal) : undefined;
      if (answer !== undefined) return answer;
      if (registry.names.get(dst) === undefined)
        throw new PeerError(`Name ${dst} is unknown here and in every layer`, 'ENAME');
    }
    return this.#here(flow, layers.splicing(dst), { request, uid, signal });
  }

  /** The broadcast flow of a member's layer. */
  join(
    flow: Flow,
    member: Member,
    { qos, timeout }: Pick<AllocRequest, 'qos' | 'timeout'>,
    signal: Signal,
  ): Promise<Answer> {
    return this.#throughLayer(flow, member, (link, fds) =>
      link.joinFlow(member.entry.id, { flow: flow.id, qos, timeout, fds, signal }),
    );
  }

  /**
   * Through a layer that knows the name; undefined when none does. The one that reached it a moment ago looks the name up by itself, in
   * the same message; when it does not know it any more, all are asked.
   */
  async #elsewhere(
    flow: Flow,
    outer: readonly Member[],
    request: AllocRequest,
    signal: Signal,
  ): Promise<Answer | undefined> {
    const { layers } = this.#deps;
    const { dst } = request;
    const before = layers.reached(dst, outer);
    if (before !== undefined) {
      try {
        return await this.#outward(flow, before, request, signal, layers.queryTimeout);
      } catch (error) {
        layers.forget(dst);
        if (!(error instanceof OuroError) || error.code !== 'ENAME' || signal.aborted) throw error;
      }
    }
    const member = await this.#lookAround(dst, outer, signal);
    if (member === undefined) return undefined;
    const answer = await this.#outward(flow, member, request, signal);
    layers.remember(dst, member, outer);
    return answer;
  }

  /** A layer that knows the name; undefined when none does, or somebody here accepts before the layers have answered. */
  async #lookAround(
    name: string,
    outer: readonly Member[],
    signal: Signal,
  ): Promise<Member | undefined> {
    const asking = new Abort();
    const stop = () => asking.abort();
    signal.addEventListener('abort', stop, { once: true });
    let unsubscribe = () => {};
    try {
      return await Promise.race([
        this.#deps.layers.find(outer, name, asking.signal),
        new Promise<undefined>((resolve) => {
          unsubscribe = this.#deps.acceptors.whenReady(name, () => resolve(undefined));
        }),
      ]);
    } finally {
      unsubscribe();
      asking.abort();
      signal.removeEventListener('abort', stop);
    }
  }

  /** To a program of this host, through the layer here that has the name, if there is one. */
  async #here(
    flow: Flow,
    member: Member | undefined,
    { request, uid, signal }: { request: AllocRequest; uid: number; signal: Signal },
  ): Promise<Answer> {
    const { data, handoff } = request;
    flow.ipcp = member?.entry.id;
    const peer = this.#deps.registry.flows.createPeer(flow);
    // The layer hears of it first, and the program is asked meanwhile: who accepts a flow to which the layer says no sees it end.
    const splicing = member && this.#splice(flow, peer, member, request, signal);
    const handoffUid = handoff ? uid : undefined;
    const wanted = { flow: peer, data, handoffUid, mtu: member?.facts.mtu };
    const delivering = this.#deps.delivery.deliver(wanted, signal);
    if (splicing === undefined) return delivering;
    try {
      const [answer] = await Promise.all([delivering, splicing]);
      return answer;
    } catch (error) {
      delivering.then(
        (late) => this.#deps.rings.close(late.fds),
        () => undefined,
      );
      throw error;
    }
  }

  /** The layer takes both ends; what the programs say to each other is not its business. */
  async #splice(
    flow: Flow,
    peer: Flow,
    { entry, facts }: Member,
    { dst, qos, timeout }: AllocRequest,
    signal: Signal,
  ): Promise<void> {
    const hash = hashName(facts.hash, dst);
    const ends = { flow: flow.id, peer: peer.id };
    const call = { ...ends, hash, qos, data: noBytes, timeout, fds: [], signal };
    await this.#deps.layers.link(entry.id).alloc(entry.id, call);
  }

  /**
   * The handshake may ask for the request again, once: a flow of its own to the IPCP, the same one here. `lookUp`: the IPCP first looks
   * the name up, for so long (ENAME).
   */
  async #outward(
    flow: Flow,
    member: Member,
    { dst, qos, data, timeout }: AllocRequest,
    signal: Signal,
    lookUp?: Millis,
  ): Promise<Answer> {
    const { oap, rings } = this.#deps;
    const { entry, facts } = member;
    const hash = hashName(facts.hash, dst);
    const ask = oap.ask(`${entry.id} ${dst}`, data);
    const allocate = () =>
      this.#throughLayer(flow, member, (link, fds) => {
        const call = { flow: flow.id, hash, qos, data: ask.request, timeout, fds, signal };
        return link.alloc(entry.id, lookUp === undefined ? call : { ...call, lookUp });
      });
    const answer = await allocate().catch((error) => {
      if (!ask.again(error)) throw error;
      return allocate();
    });
    try {
      return { ...answer, data: ask.complete(answer.data) };
    } catch (error) {
      rings.close(answer.fds);
      throw error;
    }
  }

  /** The IPCP carries packets between the ring's end 1 and the layer. */
  async #throughLayer(
    flow: Flow,
    { entry, facts }: Member,
    call: (link: IpcpLink, fds: readonly number[]) => Promise<{ qos: QosSpec; data?: Uint8Array }>,
  ): Promise<Answer> {
    flow.ipcp = entry.id;
    flow.medium = 'ipcp';
    const link = this.#deps.layers.link(entry.id);
    const { ends, mtu, meter } = this.#deps.rings.create(facts.mtu);
    this.#deps.registry.flows.measure(flow, 0, meter);
    try {
      const { qos, data = noBytes } = await call(link, ends[1]);
      return { qos, data, fds: ends[0], mtu, handoff: false };
    } catch (error) {
      this.#deps.rings.close(ends[0]);
      throw error;
    }
  }
}
