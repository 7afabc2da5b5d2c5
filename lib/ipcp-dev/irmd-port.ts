/**
 * The way from the IPCPs to irmd, whether a connection is there or not. While irmd is away a flow request is refused, and an
 * event is dropped: irmd starts over from the hello when it comes back.
 */
import { Errno, OuroError, PeerError, type QosSpec } from '#lib/core/index.ts';
import type { RpcPeer } from '#lib/rpc/index.ts';
import { requestTaken } from './messages.ts';

/** irmd looks for a program that accepts; it answers the request itself long before. */
const REQUEST_TIMEOUT = 20_000;

export interface FlowRequestCall {
  ipcp: number;
  hash: Uint8Array;
  qos: QosSpec;
  data: Uint8Array;
  /** Flow whose other end the new one is. */
  splice?: number;
}

type Connection = Pick<RpcPeer, 'call' | 'notify' | 'onClose'>;

export class IrmdPort {
  #peer: Connection | undefined;

  /** The newest connection counts. */
  attach(peer: Connection): void {
    this.#peer = peer;
    peer.onClose(() => {
      if (this.#peer === peer) this.#peer = undefined;
    });
  }

  /** irmd's number for the new flow. Throws OuroError with the reason for which to refuse it. */
  async request(call: FlowRequestCall): Promise<number> {
    if (this.#peer === undefined) throw new PeerError('No irmd to ask for an acceptor', 'EIPCP');
    const { result } = await this.#peer.call('ipcp_flow_request', call, {
      timeout: REQUEST_TIMEOUT,
    });
    const parsed = requestTaken.safeParse(result);
    if (!parsed.success) throw new PeerError('irmd took a flow request without giving it a number');
    return parsed.data.flow;
  }

  ended(flow: number): void {
    this.#peer?.notify('ipcp_flow_dealloc', { flow });
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
