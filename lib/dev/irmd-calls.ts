/**
 * The requests that a program makes of irmd, typed and checked (docs/protocols/control.md). Owns
 * nothing. A result that comes after its call was given up (time-out, signal) is undone at irmd, so
 * no flow stays allocated that nobody holds.
 */
import { Errno, type Limits, type Millis, type QosSpec } from '#lib/core/index.ts';
import type { CallOptions, CallResult } from '#lib/rpc/index.ts';
import { answerTimeout, type IrmdLink } from './irmd-link.ts';
import { parseReply, replies } from './replies.ts';

/** irmd's own limit for alloc and join when the caller gives none. */
export const defaultTimeout: Millis = 20_000;
/** irmd answers a time-out itself; beyond this it does not answer at all. */
const grace: Millis = 2000;

/** What irmd grants. `fds` are memfd and bell of a ring, or none for a hand-off. */
export interface Granted {
  id: number;
  qos: QosSpec;
  data: Uint8Array;
  keepalive: boolean;
  fds: readonly number[];
}

export interface Answer {
  /** Positive errno; 0 accepts. */
  response: number;
  data?: Uint8Array | undefined;
  handoff?: boolean;
  /** Whose flow it is, when another process accepted it. */
  pid?: number | undefined;
}

type Late = (reply: CallResult) => void;

export class IrmdCalls {
  readonly #link: IrmdLink;
  readonly #closeFd: (fd: number) => void;

  constructor(deps: { link: IrmdLink; closeFd: (fd: number) => void }) {
    this.#link = deps.link;
    this.#closeFd = deps.closeFd;
  }

  async alloc(
    params: { dst: string; pid?: number; qos?: QosSpec; data?: Uint8Array; handoff?: boolean },
    limits: Limits,
  ): Promise<Granted & { handoff: boolean }> {
    const timeout = limits.timeout ?? defaultTimeout;
    const reply = await this.#call(
      'flow_alloc',
      { ...params, timeout },
      limits,
      timeout,
      this.#undo,
    );
    const expect = (r: { handoff: boolean }) => (r.handoff && params.handoff === true ? 0 : 2);
    const { flow, ...rest } = this.#parse(replies.flow_alloc, 'flow_alloc', reply, expect);
    return { ...rest, id: flow, fds: reply.fds };
  }

  async join(params: { layer: string; pid?: number }, limits: Limits): Promise<Granted> {
    const timeout = limits.timeout ?? defaultTimeout;
    const reply = await this.#call(
      'flow_join',
      { ...params, timeout },
      limits,
      timeout,
      this.#undo,
    );
    const { flow, ...rest } = this.#parse(replies.flow_join, 'flow_join', reply, () => 2);
    return { ...rest, id: flow, fds: reply.fds };
  }

  async accept(params: { pid?: number }, limits: Limits): Promise<Granted & { name: string }> {
    const { timeout } = limits;
    const all = timeout === undefined ? params : { ...params, timeout };
    const reply = await this.#call('flow_accept', all, limits, timeout, this.#undo);
    const { flow, ...rest } = this.#parse(replies.flow_accept, 'flow_accept', reply, () => 2);
    return { ...rest, id: flow, fds: reply.fds };
  }

  /** The request only: `respond` to it within 5 s. */
  async acceptDeferred(params: { pid?: number }, limits: Limits) {
    const { timeout } = limits;
    const all = { ...params, deferred: true, ...(timeout !== undefined && { timeout }) };
    const late: Late = (reply) => this.refuse(reply.result?.flow, Errno.ETIMEDOUT);
    const reply = await this.#call('flow_accept', all, limits, timeout, late);
    const { flow, ...rest } = this.#parse(replies.deferred, 'flow_accept', reply, () => 0);
    return { ...rest, id: flow };
  }

  /** `fds` is empty when the answer was a refusal or a hand-off. */
  async respond(id: number, answer: Answer): Promise<Pick<Granted, 'qos' | 'keepalive' | 'fds'>> {
    const { data, pid, ...rest } = answer;
    const optional = { ...(data !== undefined && { data }), ...(pid !== undefined && { pid }) };
    const params = { flow: id, ...rest, ...optional };
    const late: Late = ({ fds }) => this.#undo({ result: { flow: id }, fds });
    const reply = await this.#call('flow_respond', params, {}, 0, late);
    const fds = answer.response === 0 && answer.handoff !== true ? 2 : 0;
    const schema = answer.response === 0 ? replies.flow_respond : replies.refused;
    return { ...this.#parse(schema, 'flow_respond', reply, () => fds), fds: reply.fds };
  }

  async queryName(name: string, limits: Limits): Promise<boolean> {
    const { timeout } = limits;
    const params = timeout === undefined ? { name } : { name, timeout };
    const reply = await this.#call('query_name', params, limits, timeout ?? answerTimeout);
    return this.#parse(replies.query_name, 'query_name', reply, () => 0).known;
  }

  /** An irmd that does not know the flow, or is gone, needs no telling. */
  dealloc(flow: number): void {
    this.#link.tell('flow_dealloc', { flow });
  }

  /** A request that nobody here can answer any more. */
  refuse(flow: number, errno: number): void {
    this.#link.tell('flow_respond', { flow, response: errno });
  }

  readonly #undo: Late = (reply) => {
    for (const fd of reply.fds) this.#closeFd(fd);
    this.dealloc(reply.result?.flow);
  };

  #call(
    method: string,
    params: object,
    limits: Limits,
    timeout: Millis | undefined,
    late?: Late,
  ): Promise<CallResult> {
    const options: CallOptions = {};
    if (limits.signal !== undefined) options.signal = limits.signal;
    if (timeout !== undefined) options.timeout = timeout + grace;
    if (late !== undefined) options.late = late;
    return this.#link.call(method, params, options);
  }

  #parse<T>(
    schema: Parameters<typeof parseReply<T>>[0],
    method: string,
    reply: CallResult,
    fds: (value: T) => number,
  ): T {
    return parseReply(schema, method, reply, this.#closeFd, fds);
  }
}
