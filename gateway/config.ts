/** What a gateway can be told; `gateway.ts` fills in the defaults. */
import type { Millis } from '#lib/core/index.ts';

export interface GatewayConfig {
  /** The gateway's folder, made and checked by the caller. */
  readonly folder: string;
  /** User whose programs are served. */
  readonly uid: number;
  /** Pid under which the node's own name is accepted for: this process. */
  readonly pid: number;
  /** Name of this node. */
  readonly node: string;
  /** The machine's own name. */
  readonly hostname: string;
  /** First and last ephemeral port, and the first that needs no root: as the kernel has them. */
  readonly ephemeral: readonly [number, number];
  readonly unprivileged: number;
  /** Ranges of the synthetic addresses. */
  readonly pool4?: string;
  readonly pool6?: string;
  /** Stop after nothing was served for so long; absent: never. */
  readonly idle?: Millis;
}

export const POOL4 = '100.64.0.0/10';
/** Unique local (RFC 4193) with a random global id of ours. */
export const POOL6 = 'fd4f:7572:6f00:1::/64';

/** `<gw>/s/u/6-4294967295-4194304` (a datagram socket while it is attached) has to fit into sun_path. */
const MAX_FOLDER = 107 - '/s/u/6-4294967295-4194304'.length;

export function folderProblem(folder: string): string | undefined {
  const length = Buffer.byteLength(folder);
  return length > MAX_FOLDER
    ? `${folder} is ${length} bytes long; names of sockets in it need at most ${MAX_FOLDER}`
    : undefined;
}
