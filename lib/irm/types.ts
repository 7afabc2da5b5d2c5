/** Rows and parameters of the management methods (docs/protocols/control.md). */
import type { QosSpec, WallMillis } from '#lib/core/index.ts';

export type Component = 'dt' | 'mgmt';
/** Every IPCP of a layer here, or one IPCP. */
export type Target = { readonly layer: string } | { readonly ipcp: string };
export type BootstrapConfig = Readonly<Record<string, string | number | boolean>>;
export type LoadBalance = 'round-robin' | 'spillover';

/** Files of a name's security settings; absent: the default place. */
export interface SecurityPaths {
  readonly sencpath?: string;
  readonly scrtpath?: string;
  readonly skeypath?: string;
  readonly cencpath?: string;
  readonly ccrtpath?: string;
  readonly ckeypath?: string;
}

export interface IpcpRow {
  readonly name: string;
  /** Process that runs it; several IPCPs share one. 0 while it is being restarted. */
  readonly pid: number;
  readonly type: string;
  /** It has a process of its own. */
  readonly isolate?: boolean;
  /** Absent until the IPCP is bootstrapped or enrolled. */
  readonly layer?: string;
  readonly state: string;
}

export interface NameRow {
  readonly name: string;
  readonly lb: LoadBalance;
  /** Full paths of the bound programs. */
  readonly programs: readonly string[];
  /** Pids of the bound processes, inherited bindings included. */
  readonly processes: readonly number[];
  /** Names of the bound IPCPs. */
  readonly ipcps: readonly string[];
  /** Layers here in which it is registered. */
  readonly layers: readonly string[];
}

export interface Traffic {
  readonly packets: number;
  readonly bytes: number;
}

export interface FlowRow {
  readonly flow: number;
  /** The other end, when it is on this host. */
  readonly peer?: number;
  readonly name: string;
  readonly pid: number;
  readonly peerPid?: number;
  readonly uid: number;
  readonly state: string;
  readonly qos: QosSpec;
  readonly medium: 'ring' | 'handoff' | 'ipcp';
  /** Name of the IPCP that carries or spliced it. */
  readonly ipcp?: string;
  /** Packets (keepalives included) and bytes; absent where no ring counts them. */
  readonly sent?: Traffic;
  readonly received?: Traffic;
}

export interface ProcessRow {
  readonly pid: number;
  readonly uid: number;
  readonly program: string;
  readonly path?: string;
  readonly names: readonly string[];
  readonly flows: number;
}

/** One binding of a program to a name. */
export interface ProgramRow {
  readonly program: string;
  readonly path: string;
  readonly name: string;
  readonly auto: boolean;
  readonly args: readonly string[];
}

export interface IrmStatus {
  readonly version: string;
  readonly pid: number;
  readonly uid: number;
  /** Runs inside another program (`ouro-run`). */
  readonly embedded: boolean;
  readonly dir: string;
  readonly started: WallMillis;
}
