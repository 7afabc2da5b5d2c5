/** Finds the irmd that answers and opens a management client to it. */
// Not the index: schemas and loggers would triple the start-up time of `irm` and `ouro-run`.
import { clientDirs, type Env, GROUP, irmSocket, whyNotTrusted } from '#lib/config/runtime-dir.ts';
import { type Clock, OuroError, PeerError } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import { connectChannel, RpcPeer, type SeqpacketChannel } from '#lib/rpc/index.ts';
import { IrmClient, type IrmConfig } from './client.ts';

export interface OpenIrmDeps {
  clock: Pick<Clock, 'after'>;
  env: Env;
  uid: number;
}

/**
 * @param dir runtime folder; undefined: the usual places (docs/protocols/control.md).
 * @throws PeerError EIRMD, saying where it looked and what to start.
 */
export function openIrm(deps: OpenIrmDeps, dir?: string, config: IrmConfig = {}): IrmClient {
  const channel = connectIrmd(deps, dir);
  const peer = new RpcPeer({ channel, clock: deps.clock, closeFd: (fd) => os.close(fd) });
  return new IrmClient({ peer }, config);
}

/** The connection alone, for clients that speak more than management. Throws as `openIrm`. */
export function connectIrmd(
  deps: Pick<OpenIrmDeps, 'env' | 'uid'>,
  dir?: string,
): SeqpacketChannel {
  const dirs = dir === undefined ? clientDirs(deps.env, deps.uid) : [dir];
  const tried: string[] = [];
  let closed: string | undefined;
  for (const folder of dirs) {
    const distrust = whyNotTrusted(folder, deps.uid);
    if (distrust !== undefined) {
      tried.push(distrust.message);
      continue;
    }
    try {
      return connectChannel(irmSocket(folder));
    } catch (error) {
      if (!(error instanceof OuroError)) throw error;
      tried.push(error.message);
      if (error.code === 'EACCES') closed = folder;
    }
  }
  const start = 'Start one with `irmd --stdout`, or use `ouro-run`';
  const join = `${howToJoin(closed ?? '')}; or start your own with \`irmd --stdout\``;
  throw new PeerError(
    `No irmd answers (${tried.join('; ')}). ${closed === undefined ? start : join}`,
    'EIRMD',
  );
}

/** How to get to an irmd that is there but does not let this user in; undefined when there is none such, or another one answers. */
export function shutOut(deps: Pick<OpenIrmDeps, 'env' | 'uid'>): string | undefined {
  let closed: string | undefined;
  for (const folder of clientDirs(deps.env, deps.uid)) {
    if (whyNotTrusted(folder, deps.uid) !== undefined) continue;
    try {
      connectChannel(irmSocket(folder)).close();
      return undefined;
    } catch (error) {
      if (error instanceof OuroError && error.code === 'EACCES') closed = folder;
    }
  }
  return closed === undefined ? undefined : howToJoin(closed);
}

function howToJoin(folder: string): string {
  return (
    `The irmd in ${folder} is for root and group ${GROUP}: \`sudo groupadd -f ${GROUP}; ` +
    `sudo usermod -aG ${GROUP} $USER\`, start irmd again and log in again`
  );
}
