/**
 * What a type of IPCP gives to the process that hosts it: a name, a schema for its configuration, and a factory of
 * objects that become a member of a layer. Everything above (irmd's requests, rings, events) is the host's.
 */
import type { ZodType } from 'zod';
import { type Clock, type Logger, type QosSpec, type Random, UsageError } from '#lib/core/index.ts';
import type { AllocateOptions, DirectoryHash, FlowRequest, Layer } from '#lib/layer/index.ts';

/** Wraps a callback so that what it throws fails this IPCP alone, not the process. */
export type Guard = <A extends unknown[], R>(
  fn: (...args: A) => R,
) => (...args: A) => R | undefined;

export interface IpcpDeps {
  /** Its timers are guarded. */
  readonly clock: Clock;
  readonly random: Random;
  /** Logger of a component: `ipcpd-local`, `ipcpd/eth-dix` … */
  readonly log: (component: string) => Logger;
  /** Of this process. */
  readonly pid: number;
  /** For callbacks that come from elsewhere: watches of sockets, flows of lower layers. */
  readonly guard: Guard;
}

export interface Membership {
  readonly layer: Layer;
  /** How the layer hashes names; irmd hashes, the layer only sees hashes. */
  readonly hash: DirectoryHash;
  /** Largest packet of its flows, bytes; absent when the rings decide. */
  readonly mtu?: number;
  /** What the IPCP has counted, by name: for people and scripts. */
  status?(): Readonly<Record<string, number>>;
}

/** Whom to enroll with: `dst` is a member's name, else any member that has the layer's name. */
export interface Enrollment {
  readonly layer?: string | undefined;
  readonly dst?: string | undefined;
}

/** Components of two members that `irm ipcp connect` joins: `dt`, `mgmt`. */
export interface Connection {
  readonly component: string;
  readonly dst: string;
  readonly qos?: QosSpec | undefined;
}

/** What a type lacks is refused with EOPNOTSUPP. */
export interface Ipcp<C = unknown> {
  /** Makes a new layer, or a member of a layer that needs no enrollment. Fails without a trace. */
  bootstrap?(layer: string, config: C): Promise<Membership>;
  /** Becomes a member of a layer that others have made. Fails without a trace. */
  enroll?(how: Enrollment, config: C): Promise<Membership>;
  connect?(what: Connection): Promise<void>;
  disconnect?(what: Connection): Promise<void>;
}

export interface IpcpType<C = unknown> {
  readonly type: string;
  /** Both ends of its flows are on this host: irmd joins the programs, and its layer is a SplicingLayer. */
  readonly splice: boolean;
  readonly config: ZodType<C>;
  create(deps: IpcpDeps, about: { readonly name: string }): Ipcp<C>;
}

/** A layer that tells which allocation a request comes from, so that its flows can be spliced. */
export interface SplicingLayer extends Layer {
  allocate(
    hash: Uint8Array,
    options: AllocateOptions & { origin?: number },
  ): ReturnType<Layer['allocate']>;
  onRequest(fn: ((request: FlowRequest & { readonly origin?: number }) => void) | undefined): void;
}

/** Forgets the type of the configuration, which its schema checks: types of different IPCPs fit one table. */
export function ipcpType<C>(type: IpcpType<C>): IpcpType {
  return {
    ...type,
    create(deps, about) {
      const ipcp = type.create(deps, about);
      const check = (config: unknown) => checkConfig(type.type, type.config, config);
      const { bootstrap, enroll, connect, disconnect } = ipcp;
      return {
        ...(bootstrap && {
          bootstrap: async (layer, config) => bootstrap.call(ipcp, layer, check(config)),
        }),
        ...(enroll && { enroll: async (how, config) => enroll.call(ipcp, how, check(config)) }),
        ...(connect && { connect: (what) => connect.call(ipcp, what) }),
        ...(disconnect && { disconnect: (what) => disconnect.call(ipcp, what) }),
      };
    },
  };
}

function checkConfig<C>(type: string, schema: ZodType<C>, config: unknown): C {
  const parsed = schema.safeParse(config);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.length ? ` option ${issue.path.join('.')}` : '';
  throw new UsageError(`IPCP of type ${type}:${where} ${issue?.message ?? 'bad configuration'}`);
}
