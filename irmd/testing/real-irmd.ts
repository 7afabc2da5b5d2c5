/** A real irmd in this process with a runtime folder of its own, and clients over its real socket. For tests. */
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { irmSocket, talkLogs } from '#lib/config/index.ts';
import { type Clock, qosRaw, realClock } from '#lib/core/index.ts';
import { IrmClient } from '#lib/irm/index.ts';
import { os } from '#lib/os/index.ts';
import { type End, RingFlow } from '#lib/ring/index.ts';
import { connectChannel, inProcessPair, type PeerConfig, RpcPeer } from '#lib/rpc/index.ts';
import type { Host } from '../host.ts';
import { createIrmd, type Irmd, type IrmdConfig } from '../irmd.ts';
import { nodeHost } from '../node-host.ts';

export interface RealIrmd {
  readonly irmd: Irmd;
  readonly dir: string;
  /** Lines of the log, in the talk's form. */
  readonly lines: string[];
  /** A connection of this process over the socket. */
  client(config?: PeerConfig): RpcPeer;
  /** A connection inside the process, as the gateway has. */
  embedded(config?: PeerConfig, cred?: { pid: number; uid: number; gid: number }): RpcPeer;
  irm(): IrmClient;
  /** Orderly end; the folder goes too. */
  close(): Promise<void>;
}

export interface RealIrmdConfig extends Partial<IrmdConfig> {
  host?: Partial<Host>;
  clock?: Clock;
}

const closeFd = (fd: number) => void os.close(fd);
const own = { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() };

export function startIrmd({ host, clock = realClock, ...config }: RealIrmdConfig = {}): RealIrmd {
  const dir = config.dir ?? mkdtempSync(join(tmpdir(), 'irmd-'));
  const lines: string[] = [];
  const logs = talkLogs((line) => lines.push(line.trimEnd()));
  const real = nodeHost({ uid: own.uid, env: { ...process.env, OUROBOROS_DIR: dir } });
  const irmd = createIrmd(
    { host: { ...real, ...host }, clock, logs },
    { dir, version: '0.0.0', grace: 1000, ...config },
  );
  irmd.start();
  const client = (peerConfig?: PeerConfig) =>
    new RpcPeer({ channel: connectChannel(irmSocket(dir)), clock, closeFd }, peerConfig);
  return {
    irmd,
    dir,
    lines,
    client,
    embedded(peerConfig, cred = own) {
      const [ours, theirs] = inProcessPair(cred);
      irmd.attach(theirs);
      return new RpcPeer({ channel: ours, clock, closeFd }, peerConfig);
    },
    irm: () => new IrmClient({ peer: client() }, { cwd: '/', path: process.env.PATH }),
    async close() {
      await irmd.shutdown();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Memory and sockets that this process has open: what a leaked flow would show in. */
export function openFlowFds(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /^(socket|\/memfd):/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

/** The ring end that came with an answer. */
export function ringOf(fds: readonly number[], end: End): RingFlow {
  const [memfd, bell] = fds;
  return new RingFlow({}, { memfd: memfd!, bell: bell!, end, qos: { ...qosRaw } });
}

/** The next packet of a flow, undefined when it ended. */
export function nextPacket(flow: RingFlow): Promise<Uint8Array | undefined> {
  const now = flow.read();
  if (now !== undefined) return Promise.resolve(now);
  return new Promise((resolve) => {
    flow.onReadable(() => {
      const packet = flow.read();
      if (packet !== undefined) resolve(packet);
    });
    flow.onEvent(() => resolve(flow.read()));
  });
}
