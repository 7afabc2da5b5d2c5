/**
 * The ipcpd side of the protocol with irmd (docs/protocols/control.md): holds the IPCPs of a process and maps irmd's requests
 * to them. It outlives connections: what it holds goes on while irmd is away, and `hello` tells irmd about it.
 *
 * Owns the IPCPs, BOUNDED by 64, so that the hello fits one message, and their flows' ends, BOUNDED by 20,480.
 */
import {
  type Clock,
  type Logger,
  type Random,
  ResourceError,
  UsageError,
} from '#lib/core/index.ts';
import { type Methods, method, type RpcPeer } from '#lib/rpc/index.ts';
import { FlowTable } from './flow-table.ts';
import { HostedIpcp } from './hosted-ipcp.ts';
import type { IpcpType, Membership } from './ipcp.ts';
import { IrmdPort } from './irmd-port.ts';
import { messages } from './messages.ts';
import { type RingPort, realRings } from './ring-port.ts';

const MAX_IPCPS = 64;
/** irmd has 10,240 flows for the host; both ends of a local one are here. */
const MAX_FLOWS = 20_480;

export interface IpcpHostDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: (component: string) => Logger;
  /** Of this process. */
  readonly pid: number;
  readonly rings?: RingPort;
}

export interface IpcpHostConfig {
  /** What can be created here. */
  readonly types: readonly IpcpType[];
}

export interface Hello {
  ipcps: { ipcp: number; name: string; type: string; state: string; layer?: string }[];
}

export class IpcpHost {
  /** For the connection to irmd. */
  readonly methods: Methods;
  readonly #deps: IpcpHostDeps;
  readonly #types: ReadonlyMap<string, IpcpType>;
  readonly #port: IrmdPort;
  readonly #flows = new FlowTable(MAX_FLOWS);
  readonly #ipcps = new Map<number, HostedIpcp>();

  constructor(deps: IpcpHostDeps, config: IpcpHostConfig) {
    this.#deps = deps;
    this.#port = new IrmdPort(deps.rings ?? realRings);
    this.#types = new Map(config.types.map((t) => [t.type, t]));
    this.methods = this.#methods();
  }

  /** Requests and events go to this connection from now on. */
  attach(irmd: Pick<RpcPeer, 'call' | 'notify' | 'onClose'>): void {
    this.#port.attach(irmd);
    irmd.onClose(() => {
      for (const ipcp of this.#ipcps.values()) ipcp.abandonRequests();
    });
  }

  /** irmd tells something. What makes no sense is dropped: there is nobody to tell. */
  readonly onEvent = (event: string, params: unknown): void => {
    if (event !== 'ipcp_flow_dealloc') return;
    const parsed = messages.flowDealloc.safeParse(params);
    if (parsed.success) void this.#ipcps.get(parsed.data.ipcp)?.flowDealloc(parsed.data.flow);
  };

  hello(): Hello {
    const ipcps = [...this.#ipcps.values()].map(({ about, state, member }) => ({
      ipcp: about.ipcp,
      name: about.name,
      type: about.type.type,
      state,
      ...(member !== undefined && { layer: member.layer.name }),
    }));
    return { ipcps };
  }

  /** Flows under a number of irmd, of all IPCPs. */
  get flows(): number {
    return this.#flows.size;
  }

  async close(): Promise<void> {
    const all = [...this.#ipcps.values()];
    this.#ipcps.clear();
    await Promise.all(all.map((ipcp) => ipcp.close()));
  }

  #create(ipcp: number, name: string, typeName: string): void {
    const type = this.#types.get(typeName);
    if (type === undefined) {
      const known = [...this.#types.keys()].join(', ');
      throw new UsageError(`No IPCP type ${typeName} here: ${known}`, 'EIPCPTYPE');
    }
    if (this.#ipcps.has(ipcp)) throw new UsageError(`IPCP ${ipcp} exists`, 'EEXIST');
    if (this.#ipcps.size >= MAX_IPCPS)
      throw new ResourceError(`Too many IPCPs in this process: ${MAX_IPCPS}`);
    const failed = () => {
      this.#ipcps.delete(ipcp);
    };
    const deps = { rings: realRings, ...this.#deps, port: this.#port, flows: this.#flows, failed };
    this.#ipcps.set(ipcp, new HostedIpcp(deps, { ipcp, name, type }));
  }

  #get(ipcp: number): HostedIpcp {
    const found = this.#ipcps.get(ipcp);
    if (found === undefined) throw new UsageError(`No IPCP ${ipcp} in this process`, 'EIPCP');
    return found;
  }

  #methods(): Methods {
    return {
      ipcp_create: method(messages.create, ({ ipcp, name, type }) => {
        this.#create(ipcp, name, type);
        return { result: {} };
      }),
      ipcp_destroy: method(messages.destroy, async ({ ipcp }) => {
        const found = this.#get(ipcp);
        this.#ipcps.delete(ipcp);
        await found.close();
        return { result: {} };
      }),
      ipcp_status: method(messages.destroy, ({ ipcp }) => ({
        result: { counters: this.#get(ipcp).status() },
      })),
      ipcp_bootstrap: method(messages.bootstrap, async ({ ipcp, layer, config }) => {
        const found = this.#get(ipcp);
        return { result: facts(found, await found.bootstrap(layer, config)) };
      }),
      ipcp_enroll: method(messages.enroll, async ({ ipcp, layer, dst, config }) => {
        const found = this.#get(ipcp);
        return { result: facts(found, await found.enroll({ layer, dst }, config)) };
      }),
      ipcp_connect: method(messages.connect, async ({ ipcp, ...what }) => {
        await this.#get(ipcp).connect(what);
        return { result: {} };
      }),
      ipcp_disconnect: method(messages.connect, async ({ ipcp, ...what }) => {
        await this.#get(ipcp).disconnect(what);
        return { result: {} };
      }),
      ipcp_register: method(messages.register, async ({ ipcp, hash }) => {
        await this.#get(ipcp).layer.register(hash);
        return { result: {} };
      }),
      ipcp_unregister: method(messages.register, async ({ ipcp, hash }) => {
        await this.#get(ipcp).layer.unregister(hash);
        return { result: {} };
      }),
      ipcp_query: method(messages.query, async ({ ipcp, hash, timeout }) => ({
        result: { known: await this.#get(ipcp).layer.query(hash, timeout) },
      })),
      ipcp_flow_alloc: method(messages.flowAlloc, async (call, { fds, signal }) => ({
        result: await this.#withFds(fds, call.ipcp, (i) => i.flowAlloc(call, fds, signal)),
      })),
      ipcp_flow_join: method(messages.flowJoin, async (call, { fds, signal }) => ({
        result: await this.#withFds(fds, call.ipcp, (i) => i.flowJoin(call, fds, signal)),
      })),
      ipcp_flow_respond: method(messages.flowRespond, async (call, { fds }) => {
        await this.#withFds(fds, call.ipcp, (i) => i.flowRespond(call, fds));
        return { result: {} };
      }),
    };
  }

  /** Whatever happens, descriptors that nobody took are closed. */
  async #withFds<T>(
    fds: number[],
    ipcp: number,
    run: (ipcp: HostedIpcp) => Promise<T>,
  ): Promise<T> {
    try {
      return await run(this.#get(ipcp));
    } finally {
      (this.#deps.rings ?? realRings).close(fds.splice(0));
    }
  }
}

/** What irmd has to know of a layer. */
function facts({ about }: HostedIpcp, { layer, hash, mtu }: Membership) {
  const known = { layer: layer.name, hash, splice: about.type.splice };
  return mtu === undefined ? known : { ...known, mtu };
}
