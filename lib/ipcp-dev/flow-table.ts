/**
 * Flows of all IPCPs in this process by irmd's number. BOUNDED by `max`. irmd alone gives numbers out: when it gives one that
 * is in use here, it was restarted and has forgotten the flow, which then goes on without a number.
 */
import { ResourceError } from '#lib/core/index.ts';
import type { HostedFlow } from './hosted-flow.ts';

export class FlowTable {
  readonly #max: number;
  readonly #flows = new Map<number, HostedFlow>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#flows.size;
  }

  get(ipcp: number, id: number): HostedFlow | undefined {
    const flow = this.#flows.get(id);
    return flow?.ipcp === ipcp ? flow : undefined;
  }

  add(flow: HostedFlow): void {
    const old = this.#flows.get(flow.id);
    if (old === undefined && this.#flows.size >= this.#max)
      throw new ResourceError(`Too many flows in this process: ${this.#max}`);
    old?.disown();
    this.#flows.set(flow.id, flow);
  }

  remove(flow: HostedFlow): void {
    if (this.#flows.get(flow.id) === flow) this.#flows.delete(flow.id);
  }

  /** Of one IPCP, or all. A copy: flows may be removed meanwhile. */
  list(ipcp?: number): HostedFlow[] {
    return [...this.#flows.values()].filter((f) => ipcp === undefined || f.ipcp === ipcp);
  }
}
