/** BIND and LISTEN: gives programs their addresses and ports. */
import { constants } from 'node:os';
import { ANY4, ANY6, isAny, isV4 } from '../addr/ip.ts';
import type { Core } from '../core.ts';
import { decideIn } from '../names/decide.ts';
import type { Proc } from '../processes/process-table.ts';
import type { ShimReply, ShimRequest } from '../shim-abi/codec.ts';
import { Action, ReqFlag, SockType } from '../shim-abi/layout.ts';
import type { Endpoint } from './endpoint.ts';
import type { BindRequest, BindResult } from './port-table.ts';

const { EADDRINUSE, EADDRNOTAVAIL, EINVAL, EAFNOSUPPORT } = constants.errno;

export type BindDeps = Pick<Core, 'ports' | 'targets' | 'record' | 'sweepNow' | 'serve'>;

/** A socket that got its address, or the reply that says why not. */
export type Bound =
  | { readonly endpoint: Endpoint; readonly words: string }
  | { readonly reply: ShimReply };

export class BindService {
  readonly #deps: BindDeps;

  constructor(deps: BindDeps) {
    this.#deps = deps;
  }

  /** Streams and datagrams alike. The caller attaches a datagram socket before it answers. */
  bind(request: ShimRequest, proc: Proc): Bound {
    const { family, ip, port, type } = request;
    if (family === 0 || (type !== SockType.STREAM && type !== SockType.DGRAM))
      return { reply: { err: EINVAL } };
    if (family === 4 && !isV4(ip)) return { reply: { err: EAFNOSUPPORT } };
    const protocol = type === SockType.STREAM ? 'tcp' : 'udp';
    const decision = decideIn(proc.run.rules, { protocol, ip, port, program: proc.path });
    if (decision.kind === 'pass') return { reply: { action: Action.PASS, text: decision.words } };
    if (decision.kind === 'reject') return { reply: { err: decision.errno, text: decision.words } };
    if (!this.#deps.targets.bindable(ip)) return { reply: { err: EADDRNOTAVAIL } };
    if (this.#deps.ports.get(request.ino) !== undefined) return { reply: { err: EINVAL } };
    const result = this.#take({
      ...this.#base(request, proc),
      protocol,
      fixedIp: !isAny(ip),
      fixedPort: port !== 0,
      ...(decision.name === undefined ? {} : { ruleName: decision.name }),
      ...(decision.blackhole ? { blackhole: true } : {}),
    });
    if ('errno' in result) return { reply: { err: result.errno, text: decision.words } };
    this.#deps.record({ t: 'endpoint', endpoint: result.endpoint });
    return { endpoint: result.endpoint, words: decision.words };
  }

  /** A port for a socket that was never bound. */
  autobind(request: ShimRequest, proc: Proc, protocol: 'tcp' | 'udp'): BindResult {
    const base = this.#base(request, proc);
    const ip = request.family === 6 ? ANY6 : ANY4;
    const result = this.#take({ ...base, protocol, ip, port: 0, fixedIp: false, fixedPort: false });
    if ('endpoint' in result) this.#deps.record({ t: 'endpoint', endpoint: result.endpoint });
    return result;
  }

  listen(request: ShimRequest, proc: Proc): ShimReply {
    let endpoint = this.#deps.ports.get(request.ino);
    if (endpoint === undefined) {
      const result = this.autobind(request, proc, 'tcp');
      if ('errno' in result) return { err: result.errno };
      endpoint = result.endpoint;
    }
    if (endpoint.protocol !== 'tcp') return { err: EINVAL };
    // Bound by a parent, listened on by a child: the one that listens serves.
    endpoint.pid = proc.pid;
    let errno = this.#deps.ports.listen(endpoint, request.arg);
    if (errno !== 0) {
      this.#deps.sweepNow();
      errno = this.#deps.ports.listen(endpoint, request.arg);
    }
    if (errno !== 0) return { err: errno };
    this.#deps.record({ t: 'endpoint', endpoint });
    this.#deps.serve(proc, endpoint.ruleName);
    return {
      action: Action.FLOW,
      local: endpoint.ip,
      localPort: endpoint.port,
      text: `listening on port ${endpoint.port}`,
    };
  }

  #base(request: ShimRequest, proc: Proc): Omit<BindRequest, 'protocol' | 'fixedIp' | 'fixedPort'> {
    return {
      ino: request.ino,
      family: request.family === 6 ? 6 : 4,
      uid: proc.uid,
      run: proc.run.id,
      pid: proc.pid,
      ip: request.ip,
      port: request.port,
      v6only: (request.flags & ReqFlag.V6ONLY) !== 0,
      reuseAddr: (request.flags & ReqFlag.REUSEADDR) !== 0,
      reusePort: (request.flags & ReqFlag.REUSEPORT) !== 0,
    };
  }

  /** What seems to be in use may belong to a socket that was closed a moment ago. */
  #take(request: BindRequest): BindResult {
    const result = this.#deps.ports.bind(request);
    if ('endpoint' in result || result.errno !== EADDRINUSE) return result;
    this.#deps.sweepNow();
    return this.#deps.ports.bind(request);
  }
}
