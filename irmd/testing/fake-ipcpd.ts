/** Plays ipcpd: answers irmd's requests as a test says, and remembers them. */
import { z } from 'zod';
import { UsageError } from '#lib/core/index.ts';
import { hashName } from '#lib/layer/index.ts';
import { os } from '#lib/os/index.ts';
import { type Methods, method, type RpcPeer } from '#lib/rpc/index.ts';
import type { RealIrmd } from './real-irmd.ts';

type Params = Record<string, unknown> & { ipcp: number; flow: number; hash: Uint8Array };
export interface Call {
  readonly method: string;
  readonly params: Params;
  readonly fds: readonly number[];
  readonly signal: AbortSignal;
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
  'ipcp_flow_dealloc',
];

export class FakeIpcpd {
  readonly calls: Call[] = [];
  /** Replaces the usual answer of a verb. */
  readonly answers: Record<string, Answer> = {
    ipcp_bootstrap: () => ({ hash: 'SHA3-224', splice: false, mtu: 1000 }),
    ipcp_enroll: () => ({ layer: 'found', hash: 'SHA3-256', splice: false }),
    ipcp_query: () => ({ known: false }),
    ipcp_flow_alloc: () => ({ data: new Uint8Array(0) }),
  };
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
    const peer = real.embedded({ methods: this.methods });
    this.#peer = peer;
    await peer.call('ipcpd_hello', { ipcps });
    return peer;
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

  request(ipcp: number, name: string, more: object = {}): Promise<{ flow: number }> {
    const params = { ipcp, hash: hashName('SHA3-224', name), qos: anyQos, data: new Uint8Array(0) };
    return this.peer
      .call('ipcp_flow_request', { ...params, ...more })
      .then(({ result }) => result as { flow: number });
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
