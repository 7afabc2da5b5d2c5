/**
 * Typed management client of irmd, over one connection. Each call rejects with irmd's own error (RemoteError with code and
 * text), or PeerError EIRMD when the connection is gone.
 */
import type { Millis, QosSpec } from '#lib/core/index.ts';
import type { RpcPeer } from '#lib/rpc/index.ts';
import { programPath, resolveProgram, type Whereabouts } from './program-path.ts';
import type {
  BootstrapConfig,
  Component,
  FlowRow,
  IpcpRow,
  IrmStatus,
  LoadBalance,
  NameRow,
  ProcessRow,
  ProgramRow,
  SecurityPaths,
  Target,
} from './types.ts';

export interface IrmDeps {
  peer: Pick<RpcPeer, 'call' | 'close' | 'onClose'>;
}

/** Where programs are is needed for binding them only. */
export interface IrmConfig extends Partial<Whereabouts> {
  /** For an irmd that does not answer: a call then rejects with ETIMEDOUT. Default 60 s, longer than anything it does. */
  timeout?: Millis;
}

const defaultTimeout: Millis = 60_000;

export interface BindProgramOptions {
  /** Start the program when a flow is requested and nobody accepts. */
  auto?: boolean;
  /** Without the program itself; used only with `auto`. */
  args?: readonly string[];
}

export class IrmClient {
  readonly #peer: IrmDeps['peer'];
  readonly #config: IrmConfig;

  constructor(deps: IrmDeps, config: IrmConfig = {}) {
    this.#peer = deps.peer;
    this.#config = config;
  }

  createIpcp(
    name: string,
    type: string,
    options: { isolate?: boolean } = {},
  ): Promise<{ pid: number }> {
    return this.#call('create_ipcp', { name, type, ...options });
  }

  async destroyIpcp(name: string): Promise<void> {
    await this.#call('destroy_ipcp', { name });
  }

  bootstrapIpcp(
    name: string,
    layer: string,
    config: BootstrapConfig = {},
  ): Promise<{ pid: number; layer: string }> {
    return this.#call('bootstrap_ipcp', { name, layer, config });
  }

  /** `dst`: a member's name; without it the layer's name is asked for, which any member may have. */
  enrollIpcp(
    name: string,
    how: { layer?: string; dst?: string; config?: BootstrapConfig },
  ): Promise<{ pid: number; layer: string }> {
    return this.#call('enroll_ipcp', { name, ...how });
  }

  async connectIpcp(name: string, component: Component, dst: string, qos?: QosSpec): Promise<void> {
    await this.#call('connect_ipcp', { name, component, dst, ...(qos && { qos }) });
  }

  async disconnectIpcp(name: string, component: Component, dst: string): Promise<void> {
    await this.#call('disconnect_ipcp', { name, component, dst });
  }

  /** What an IPCP has counted, by name; which names, its type says. */
  async statusIpcp(name: string): Promise<Readonly<Record<string, number>>> {
    const { counters } = await this.#call<{ counters: Record<string, number> }>('status_ipcp', {
      name,
    });
    return counters;
  }

  listIpcps(): Promise<IpcpRow[]> {
    return this.#listAll('list_ipcps');
  }

  /**
   * Binds the program at `path` (absolute, relative to `cwd`, or a word in `path`) to a name.
   * @throws UsageError ENOENT or PolicyError EACCES before irmd is asked.
   */
  async bindProgram(path: string, name: string, options: BindProgramOptions = {}): Promise<void> {
    const resolved = resolveProgram(path, {
      cwd: this.#config.cwd ?? '/',
      path: this.#config.path,
    });
    const { auto = false, args = [] } = options;
    await this.#call('bind_program', { path: resolved, name, auto, args });
  }

  /** Without `name`: from all names. A basename means every program of that name. */
  async unbindProgram(path: string, name?: string): Promise<void> {
    const full = path.includes('/') ? programPath(path, this.#config.cwd ?? '/') : path;
    await this.#call('unbind_program', { path: full, ...optional({ name }) });
  }

  async bindProcess(pid: number, name: string): Promise<void> {
    await this.#call('bind_process', { pid, name });
  }

  async unbindProcess(pid: number, name?: string): Promise<void> {
    await this.#call('unbind_process', { pid, ...optional({ name }) });
  }

  async bindIpcp(ipcp: string, name: string): Promise<void> {
    await this.#call('bind_ipcp', { ipcp, name });
  }

  async unbindIpcp(ipcp: string, name?: string): Promise<void> {
    await this.#call('unbind_ipcp', { ipcp, ...optional({ name }) });
  }

  /** `created` is false when the name exists already, which is no error. */
  createName(
    name: string,
    options: { lb?: LoadBalance | string; security?: SecurityPaths } = {},
  ): Promise<{ created: boolean }> {
    return this.#call('create_name', { name, ...optional(options) });
  }

  async destroyName(name: string): Promise<void> {
    await this.#call('destroy_name', { name });
  }

  async registerName(name: string, target: Target): Promise<void> {
    await this.#call('register_name', { name, ...target });
  }

  async unregisterName(name: string, target: Target): Promise<void> {
    await this.#call('unregister_name', { name, ...target });
  }

  listNames(): Promise<NameRow[]> {
    return this.#listAll('list_names');
  }

  listFlows(): Promise<FlowRow[]> {
    return this.#listAll('list_flows');
  }

  listProcesses(): Promise<ProcessRow[]> {
    return this.#listAll('list_processes');
  }

  listPrograms(): Promise<ProgramRow[]> {
    return this.#listAll('list_programs');
  }

  status(): Promise<IrmStatus> {
    return this.#call('status', {});
  }

  onClose(fn: () => void): void {
    this.#peer.onClose(fn);
  }

  close(): void {
    this.#peer.close();
  }

  async #call<T>(method: string, params: unknown): Promise<T> {
    const { timeout = defaultTimeout } = this.#config;
    return (await this.#peer.call(method, params, { timeout })).result as T;
  }

  /** Every page of a list. Ends, because irmd's keys only grow within one list. */
  async #listAll<T>(method: string): Promise<T[]> {
    const all: T[] = [];
    let after: unknown;
    do {
      const page = await this.#call<{ items: T[]; next?: unknown }>(method, optional({ after }));
      all.push(...page.items);
      after = page.items.length > 0 ? page.next : undefined;
    } while (after !== undefined);
    return all;
  }
}

/** Without the keys that have no value: they must not be sent. */
function optional<T extends object>(params: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(params).filter(([, value]) => value !== undefined),
  ) as Partial<T>;
}
