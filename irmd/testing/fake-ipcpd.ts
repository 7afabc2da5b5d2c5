/** Plays ipcpd: answers irmd's requests as a test says, and remembers them. */
import { z } from 'zod';
import {
  Abort,
  type Clock,
  noBytes,
  realClock,
  type Signal,
  UsageError,
  type WallMillis,
} from '#lib/core/index.ts';
import { hashName } from '#lib/layer/index.ts';
import { nodeOapDeps, OapClient, OapServer } from '#lib/oap/index.ts';
import { os } from '#lib/os/index.ts';
import { type Methods, method, type RpcPeer } from '#lib/rpc/index.ts';
import type { RealIrmd } from './real-irmd.ts';

type Params = Record<string, unknown> & {
  ipcp: number;
  flow: number;
  hash: Uint8Array;
  data: Uint8Array;
};
export interface Call {
  readonly method: string;
  readonly params: Params;
  readonly fds: readonly number[];
  readonly signal: Signal;
}
type Answer = (call: Call) => unknown;

const any = z.looseObject({}) as unknown as z.ZodType<Params>;
const verbs = [
  'ipcp_create',
  'ipcp_destroy',
  'ipcp_bootstrap',
  'ipcp_enroll',
  'ipcp_connect',
  'ipcp_disconnect',
  'ipcp_register',
  'ipcp_unregister',
  'ipcp_query',
  'ipcp_flow_alloc',
  'ipcp_flow_join',
  'ipcp_flow_respond',
];

export class FakeIpcpd {
  readonly calls: Call[] = [];
  /** Replaces the usual answer of a verb. */
  readonly answers: Record<string, Answer> = {
    ipcp_bootstrap: () => ({ hash: 'SHA3-224', splice: false, mtu: 1000 }),
    ipcp_enroll: () => ({ layer: 'found', hash: 'SHA3-256', splice: false }),
    ipcp_query: () => ({ known: false }),
    ipcp_flow_alloc: ({ params }) => ({ data: this.respond(params.data) }),
  };
  /** Handshake of the last request. */
  asked: OapClient | undefined;
  readonly #server = new OapServer(nodeOapDeps);
  readonly #now: () => WallMillis;

  /** `clock`: irmd's. */
  constructor(clock: Pick<Clock, 'wall'> = realClock) {
    this.#now = () => clock.wall();
  }

  /** Answers a handshake as an irmd elsewhere would; flows that stay here come without one. */
  respond(request: Uint8Array, data: Uint8Array = noBytes): Uint8Array {
    const outcome = this.#server.receive(request, this.#now());
    if (outcome.kind === 'refuse') return noBytes;
    return outcome.exchange.answer(this.#now(), data).message;
  }
  #peer: RpcPeer | undefined;

  get methods(): Methods {
    return Object.fromEntries(
      verbs.map((verb) => [
        verb,
        method(any, async (params, { fds, signal }) => {
          const call = { method: verb, params, fds: [...fds], signal };
          this.calls.push(call);
          const keep = verb === 'ipcp_flow_alloc' || verb === 'ipcp_flow_respond';
          if (!keep) for (const fd of fds) os.close(fd);
          return { result: (await this.answers[verb]?.(call)) ?? {} };
        }),
      ]),
    );
  }

  /** In irmd's process. */
  async attach(real: RealIrmd, ipcps: unknown[] = []): Promise<RpcPeer> {
    const onEvent = (event: string, params: unknown) => this.#hear(event, params as Params);
    const peer = real.embedded({ methods: this.methods, onEvent });
    this.#peer = peer;
    await peer.call('ipcpd_hello', { ipcps });
    return peer;
  }

  /** Events are remembered like calls. */
  #hear(method: string, params: Params): void {
    this.calls.push({ method, params, fds: [], signal: new Abort().signal });
  }

  get peer(): RpcPeer {
    if (this.#peer === undefined) throw new UsageError('Not attached');
    return this.#peer;
  }

  /** Verbs that were called since the last time, without queries' noise when `only` is given. */
  take(...only: string[]): string[] {
    const taken = this.calls.splice(0).map((c) => c.method);
    return only.length === 0 ? taken : taken.filter((m) => only.includes(m));
  }

  /** As an irmd elsewhere would: its handshake goes along, with `data` inside. An answer that comes along counts as one that follows. */
  async request(
    ipcp: number,
    name: string,
    { data = noBytes }: { data?: Uint8Array } = {},
  ): Promise<{ flow: number }> {
    this.asked = new OapClient(nodeOapDeps, { data, peerTakesData: true });
    const message = this.asked.request(this.#now());
    const params = { ipcp, hash: hashName('SHA3-224', name), qos: anyQos, data: message };
    const { result, fds } = await this.peer.call('ipcp_flow_request', params);
    const { flow, accepted } = result;
    if (accepted === undefined) return { flow };
    const answer = { ...params, flow, response: 0, data: accepted };
    const { signal } = new Abort();
    const call = { method: 'ipcp_flow_respond', params: answer, fds, signal };
    this.calls.push(call);
    await this.answers.ipcp_flow_respond?.(call);
    return { flow };
  }
}

const anyQos = {
  delay: 0,
  bandwidth: 0,
  availability: 0,
  loss: 1,
  ber: 1,
  inOrder: 0,
  maxGap: 0,
  timeout: 0,
};
