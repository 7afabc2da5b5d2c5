/** What irmd needs of the operating system, as interfaces, so that its parts can be tested without one. */
import type { RingMeter } from '#lib/ring/index.ts';
import type { Credentials } from '#lib/rpc/index.ts';
import type { AutoStart } from './registry/index.ts';

/** A process that irmd started. */
export interface ChildProcess {
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** `how`: "exit status 1", "signal SIGKILL". Also called when it has ended before. */
  onExit(fn: (how: string) => void): void;
}

export interface ProcessInfo {
  /** Name of its executable, at most 15 bytes of it. */
  readonly program: string;
  readonly uid: number;
  readonly gid: number;
  /** Tells a process from a later one with the same pid. */
  readonly startTime: number;
}

/** What the ends of a ring have counted, to be closed with the flow. */
export type Meter = Pick<RingMeter, 'read' | 'close'>;

export interface Rings {
  /**
   * Descriptors of both ends of a new ring: each a memfd and a bell, to be handed out or closed. No meter where there is no descriptor left for it.
   */
  create(mtu: number | undefined): { ends: [number[], number[]]; mtu: number; meter?: Meter };
  close(fds: readonly number[]): void;
}

export interface Host {
  readonly pid: number;
  readonly uid: number;
  readonly rings: Rings;
  /** Undefined when there is no such process. */
  processInfo(pid: number): ProcessInfo | undefined;
  /** Supplementary groups of a process, empty when it has gone. */
  groupsOf(pid: number): number[];
  /** Calls back when the process exits, at once when it has gone. */
  watchProcess(pid: number, onExit: () => void): { close(): void };
  /** A process that has gone is no error. */
  kill(pid: number, signal: NodeJS.Signals): void;
  /** Starts a bound program as the user who bound it. Throws OuroError. */
  spawnProgram(path: string, auto: AutoStart): ChildProcess;
  /** Starts ipcpd for this runtime folder; absent when ipcpd runs in this process. */
  spawnIpcpd?(): ChildProcess;
}

/** Peer of a connection as the kernel names it. */
export type { Credentials };
