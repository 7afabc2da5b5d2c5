/**
 * The way from the IPCPs to irmd, whether a connection is there or not. While irmd is away a flow request is refused, and an
 * event is dropped: irmd starts over from the hello when it comes back.
 */
import { Errno, OuroError, PeerError, type QosSpec, unlessRaw } from '#lib/core/index.ts';
import type { RpcPeer } from '#lib/rpc/index.ts';
import { requestTaken } from './messages.ts';
import type { RingPort } from './ring-port.ts';

/** irmd looks for a program that accepts; it answers the request itself long before. */
const REQUEST_TIMEOUT = 20_000;

export interface FlowRequestCall {
  ipcp: number;
  hash: Uint8Array;
  qos: QosSpec;
  data: Uint8Array;
}

/** A request that irmd has taken. */
export interface Taken {
  /** irmd's number for the new flow. */
  readonly flow: number;
  /** Data of the answer, when somebody has accepted already. */
  readonly accepted?: Uint8Array | undefined;
  /** Ring end 0 then; they are the caller's. */
  readonly fds: number[];
}

type Connection = Pick<RpcPeer, 'call' | 'notify' | 'onClose'>;

export class IrmdPort {
  readonly #closeFds: (fds: readonly number[]) => void;
  #peer: Connection | undefined;

  constructor(deps: Pick<RingPort, 'close'>) {
    this.#closeFds = (fds) => deps.close(fds);
  }

  /** The newest connection counts. */
  attach(peer: Connection): void {
    this.#peer = peer;
    peer.onClose(() => {
      if (this.#peer === peer) this.#peer = undefined;
    });
  }

  /** Throws OuroError with the reason for which to refuse the flow. */
  async request({ qos, ...call }: FlowRequestCall): Promise<Taken> {
    if (this.#peer === undefined) throw new PeerError('No irmd to ask for an acceptor', 'EIPCP');
    const params = { ...call, ...unlessRaw(qos) };
    const { result, fds } = await this.#peer.call('ipcp_flow_request', params, {
      timeout: REQUEST_TIMEOUT,
    });
    const parsed = requestTaken.safeParse(result);
    if (parsed.success) return { ...parsed.data, fds };
    this.#closeFds(fds);
    throw new PeerError('irmd took a flow request without giving it a number');
  }

  state(ipcp: number, state: string): void {
    this.#peer?.notify('ipcp_state', { ipcp, state });
  }
}

/** Errno with which to refuse a flow because of `error`. Who asked does not care that it was irmd who went away. */
export function refusalErrno(error: unknown): number {
  if (!(error instanceof OuroError) || error.code === 'EIRMD') return Errno.EIPCP;
  return error.errno;
}
