/** One function per request of the shim. */
import { constants } from 'node:os';
import type { Credentials } from '#lib/os/index.ts';
import type { DatagramService } from '../datagrams/datagram-service.ts';
import type { Resolver } from '../names/resolver.ts';
import type { Proc, ProcessTable } from '../processes/process-table.ts';
import { DEFAULT_RUN, type Run } from '../processes/run.ts';
import { passesAll } from '../rules/match.ts';
import type { ShimReply, ShimRequest } from '../shim-abi/codec.ts';
import { Action, Op, RepFlag, SockType } from '../shim-abi/layout.ts';
import type { BindService } from '../sockets/bind-service.ts';
import type { PortTable } from '../sockets/port-table.ts';
import type { StreamService } from '../streams/stream-service.ts';
import type { CtlHandler } from './server.ts';

const { EBADF, ENOENT, EINVAL, ESRCH } = constants.errno;

export interface HandlersDeps {
  readonly procs: ProcessTable;
  readonly ports: PortTable;
  /** Inode numbers of the sockets that a process holds. */
  readonly socketsOf: (pid: number) => readonly number[];
  readonly run: (id: number) => Run | undefined;
  readonly binder: BindService;
  readonly streams: StreamService;
  readonly datagrams: DatagramService;
  readonly resolver: Resolver;
  /** Something happened that the lifecycle has to follow. */
  readonly wake: () => void;
}

export function makeHandlers(deps: HandlersDeps): CtlHandler {
  return (request, cred, fds) => {
    const run = deps.run(request.run) ?? DEFAULT_RUN;
    if (request.op === Op.HELLO) return hello(deps, request, cred, run);
    if (request.op === Op.RESOLVE) return resolve(deps, request);
    if (request.op === Op.REVERSE) return reverse(deps, request);
    const proc = deps.procs.touch(cred.pid, cred.uid, run);
    if (proc === undefined) return { err: ESRCH };
    deps.wake();
    return onSocket(deps, request, proc, fds);
  };
}

function onSocket(
  deps: HandlersDeps,
  request: ShimRequest,
  proc: Proc,
  fds: number[],
): ShimReply | Promise<ShimReply> {
  if (request.ino === 0) return { err: EINVAL };
  if (!mayUse(deps, request.ino, proc)) return { err: EBADF };
  switch (request.op) {
    case Op.BIND: {
      if (request.type === SockType.DGRAM) return deps.datagrams.bind(request, proc, fds);
      const bound = deps.binder.bind(request, proc);
      if ('reply' in bound) return bound.reply;
      const { ip, port } = bound.endpoint;
      return { action: Action.FLOW, local: ip, localPort: port, text: bound.words };
    }
    case Op.LISTEN:
      return deps.binder.listen(request, proc);
    case Op.CONNECT:
      return deps.streams.connect(request, proc);
    case Op.LINGER:
      return deps.streams.linger(request);
    case Op.DGRAM:
      return deps.datagrams.request(request, proc, fds);
    case Op.DIRECT:
      return deps.datagrams.direct(request);
    default:
      return { err: EINVAL };
  }
}

/** A socket that another process has bound is this one's business only if it holds it, too. */
function mayUse(deps: HandlersDeps, ino: number, proc: Proc): boolean {
  const owner = deps.ports.get(ino)?.pid;
  return owner === undefined || owner === proc.pid || deps.socketsOf(proc.pid).includes(ino);
}

function hello(deps: HandlersDeps, request: ShimRequest, cred: Credentials, run: Run): ShimReply {
  const proc = deps.procs.hello(cred.pid, cred.uid, run, request.text);
  if (proc === undefined) return { err: ESRCH, text: `process ${cred.pid} has gone` };
  const tcp = passesAll(run.rules, 'tcp', proc.path) ? RepFlag.TCP_PASS : 0;
  const udp = passesAll(run.rules, 'udp', proc.path) ? RepFlag.UDP_PASS : 0;
  return { flags: tcp | udp };
}

async function resolve(deps: HandlersDeps, request: ShimRequest): Promise<ShimReply> {
  const entry = await deps.resolver.resolve(request.text);
  if (entry === undefined) return { err: ENOENT };
  const flags =
    (request.family === 6 ? 0 : RepFlag.HAS4) | (request.family === 4 ? 0 : RepFlag.HAS6);
  return { flags, addr4: entry.v4, peer: entry.v6, text: request.text };
}

function reverse(deps: HandlersDeps, request: ShimRequest): ShimReply {
  const name = deps.resolver.reverse(request.ip);
  return name === undefined ? { err: ENOENT } : { text: name };
}
