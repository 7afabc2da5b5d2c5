/** An ipcpd inside another program, which has an irmd at the other end of the channel: the embedded stack, and tests. */
import { type Clock, type Logger, type Random, realRandom } from '#lib/core/index.ts';
import { IpcpHost, type IpcpType } from '#lib/ipcp-dev/index.ts';
import { os } from '#lib/os/index.ts';
import { type Channel, RpcPeer } from '#lib/rpc/index.ts';
import { ipcpTypes } from './types.ts';

export interface InProcessDeps {
  channel: Channel;
  clock: Clock;
  logs: (component: string) => Logger;
  /** Of this process. */
  pid: number;
  random?: Random;
}

export interface InProcessIpcpd {
  readonly host: IpcpHost;
  /** irmd has taken the hello: management works from then on. */
  readonly ready: Promise<void>;
  /** Ends the IPCPs, their flows and the connection. */
  close(): Promise<void>;
}

export function createInProcessIpcpd(
  { channel, clock, logs, pid, random = realRandom }: InProcessDeps,
  { types = ipcpTypes }: { types?: readonly IpcpType[] } = {},
): InProcessIpcpd {
  const host = new IpcpHost({ clock, random, log: logs, pid }, { types });
  const closeFd = (fd: number) => {
    os.close(fd);
  };
  const peer = new RpcPeer(
    { channel, clock, closeFd },
    { methods: host.methods, onEvent: host.onEvent },
  );
  host.attach(peer);
  const ready = peer.call('ipcpd_hello', host.hello()).then(() => undefined);
  ready.catch(() => undefined);
  return {
    host,
    ready,
    close: async () => {
      await host.close();
      peer.close();
    },
  };
}
