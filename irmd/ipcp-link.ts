/**
 * irmd's calls to ipcpd, typed, with every answer checked: ipcpd is another process. A connection that is gone
 * is the IPCP's failure (EIPCP), not the caller's.
 */
import { z } from 'zod';
import {
  type Millis,
  OuroError,
  PeerError,
  type QosSpec,
  type Signal,
  unlessRaw,
} from '#lib/core/index.ts';
import { parseDirectoryHash } from '#lib/layer/index.ts';
import type { RpcPeer } from '#lib/rpc/index.ts';
import { bytes, qosSchema } from './handlers/schemas.ts';
import type { IpcpEntry, LayerFacts, Membership } from './registry/index.ts';

const hash = z.string().transform((given, context) => {
  const name = parseDirectoryHash(given);
  if (name !== undefined) return name;
  context.addIssue({ code: 'custom', message: `unknown directory hash ${given}` });
  return z.NEVER;
});
const facts = z
  .object({ hash, splice: z.boolean().default(false), mtu: z.int().positive().optional() })
  .transform(({ mtu, ...rest }): LayerFacts => ({ ...rest, mtu }));
const joined = z.object({ layer: z.string().min(1).max(255) }).and(facts);
const known = z.object({ known: z.boolean() });
const allocated = z.object({ data: bytes, qos: qosSchema.optional() });
const counted = z.object({ counters: z.record(z.string().max(64), z.number()) });
const granted = z.object({ qos: qosSchema.optional() });
const nothing = z.unknown();

export interface AllocCall {
  flow: number;
  hash: Uint8Array;
  qos: QosSpec;
  data: Uint8Array;
  timeout: Millis;
  /** The IPCP looks the name up first, for so long: ENAME when its layer does not know it. */
  lookUp?: Millis;
  /** The other end, when the IPCP splices: both ends are here. */
  peer?: number;
  /** Ring end 1, which the call takes over; absent when the IPCP splices. */
  fds: readonly number[];
  signal: Signal;
}

/** Time for what an IPCP does by itself. */
const LOCAL_CALL: Millis = 5000;
/** Time for what it does with other members. */
const REMOTE_CALL: Millis = 20_000;

export class IpcpLink {
  readonly #peer: Pick<RpcPeer, 'call' | 'notifyLater'>;

  constructor(peer: Pick<RpcPeer, 'call' | 'notifyLater'>) {
    this.#peer = peer;
  }

  async create({ id, name, type }: IpcpEntry): Promise<void> {
    await this.#call(nothing, 'ipcp_create', { ipcp: id, name, type }, { timeout: LOCAL_CALL });
  }

  async destroy(ipcp: number): Promise<void> {
    await this.#call(nothing, 'ipcp_destroy', { ipcp }, { timeout: LOCAL_CALL });
  }

  /** Resolves with the layer's name, which enrolling may find out, and what irmd has to know about it. */
  async join(ipcp: number, wanted: Membership): Promise<{ layer: string; facts: LayerFacts }> {
    const { how, layer, dst, config } = wanted;
    if (how === 'bootstrap') {
      const params = { ipcp, layer, config };
      return {
        layer,
        facts: await this.#call(facts, 'ipcp_bootstrap', params, { timeout: LOCAL_CALL }),
      };
    }
    const params = {
      ipcp,
      config,
      ...(layer !== '' && { layer }),
      ...(dst !== undefined && { dst }),
    };
    const got = await this.#call(joined, 'ipcp_enroll', params, { timeout: REMOTE_CALL });
    return { layer: got.layer, facts: got };
  }

  /** What it has counted, by name. */
  async status(ipcp: number): Promise<Record<string, number>> {
    return (await this.#call(counted, 'ipcp_status', { ipcp }, { timeout: LOCAL_CALL })).counters;
  }

  async connect(
    verb: 'ipcp_connect' | 'ipcp_disconnect',
    ipcp: number,
    params: { component: string; dst: string; qos?: QosSpec | undefined },
  ): Promise<void> {
    const { qos, ...rest } = params;
    const all = { ipcp, ...rest, ...(qos !== undefined && { qos }) };
    await this.#call(nothing, verb, all, { timeout: REMOTE_CALL });
  }

  async register(ipcp: number, nameHash: Uint8Array): Promise<void> {
    const params = { ipcp, hash: nameHash };
    await this.#call(nothing, 'ipcp_register', params, { timeout: REMOTE_CALL });
  }

  async unregister(ipcp: number, nameHash: Uint8Array): Promise<void> {
    const params = { ipcp, hash: nameHash };
    await this.#call(nothing, 'ipcp_unregister', params, { timeout: REMOTE_CALL });
  }

  async query(
    ipcp: number,
    nameHash: Uint8Array,
    timeout: Millis,
    signal: Signal,
  ): Promise<boolean> {
    const params = { ipcp, hash: nameHash, timeout };
    // The IPCP ends the look-up itself; our own limit only guards against one that does not.
    const limits = { timeout: timeout + 100, signal };
    return (await this.#call(known, 'ipcp_query', params, limits)).known;
  }

  async alloc(
    ipcp: number,
    { fds, signal, qos, ...call }: AllocCall,
  ): Promise<{ data: Uint8Array; qos: QosSpec }> {
    const params = { ipcp, ...call, ...unlessRaw(qos) };
    const got = await this.#call(allocated, 'ipcp_flow_alloc', params, { fds, signal });
    return { data: got.data, qos: got.qos ?? qos };
  }

  async joinFlow(
    ipcp: number,
    call: Omit<AllocCall, 'hash' | 'data' | 'lookUp'>,
  ): Promise<{ qos: QosSpec }> {
    const { fds, signal, flow, qos, timeout } = call;
    const params = { ipcp, flow, timeout, ...unlessRaw(qos) };
    const got = await this.#call(granted, 'ipcp_flow_join', params, { fds, signal });
    return { qos: got.qos ?? qos };
  }

  /** `fds`: ring end 0, which the call takes over; empty when refused. */
  async respond(
    ipcp: number,
    answer: { flow: number; response: number; data: Uint8Array },
    fds: readonly number[],
  ): Promise<void> {
    const params = { ipcp, ...answer };
    await this.#call(nothing, 'ipcp_flow_respond', params, { fds, timeout: REMOTE_CALL });
  }

  /** Told, not asked: the flow is gone whatever the IPCP says. */
  dealloc(ipcp: number, flow: number): void {
    this.#peer.notifyLater('ipcp_flow_dealloc', { ipcp, flow });
  }

  async #call<T>(
    schema: z.ZodType<T>,
    method: string,
    params: unknown,
    options: { fds?: readonly number[]; timeout?: Millis; signal?: Signal },
  ): Promise<T> {
    let result: unknown;
    try {
      ({ result } = await this.#peer.call(method, params, options));
    } catch (error) {
      if (error instanceof OuroError && error.code === 'EIRMD')
        throw new PeerError(`The IPC process ended during ${method}`, 'EIPCP');
      throw error;
    }
    const parsed = schema.safeParse(result);
    if (parsed.success) return parsed.data;
    throw new PeerError(`${method}: bad answer: ${parsed.error.issues[0]?.message}`);
  }
}
