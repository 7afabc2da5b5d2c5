/** Rebuilds a gateway's state from the journal of one that died. What the kernel no longer has is left out. */
import type { AddressPool, PoolTarget } from '../addr/pool.ts';
import type { RunRecord } from '../processes/run.ts';
import type { Endpoint } from '../sockets/endpoint.ts';
import type { PortTable } from '../sockets/port-table.ts';
import { readJournal } from './journal.ts';
import type { Runs } from './runs.ts';

export interface RestoreDeps {
  readonly ports: PortTable;
  readonly pool: AddressPool;
  readonly runs: Runs;
  readonly startTime: (pid: number) => number | undefined;
}

export interface Restored {
  readonly records: number;
}

export function restoreState(
  deps: RestoreDeps,
  config: { path: string; exists: ReadonlySet<number> },
): Restored {
  const runs = new Map<number, RunRecord>();
  const pool = new Map<number, PoolTarget>();
  const endpoints = new Map<number, Endpoint>();
  const records = readJournal(config.path);
  for (const record of records) {
    switch (record.t) {
      case 'run':
        runs.set(record.run.id, record.run);
        break;
      case 'run-gone':
        runs.delete(record.id);
        break;
      case 'pool':
        pool.set(record.index, record.target);
        break;
      case 'pool-gone':
        pool.delete(record.index);
        break;
      case 'endpoint':
        endpoints.set(record.endpoint.ino, record.endpoint as Endpoint);
        break;
      case 'endpoint-gone':
        endpoints.delete(record.ino);
        break;
    }
  }
  for (const run of runs.values()) deps.runs.restore(run);
  for (const [index, target] of pool) {
    // A process that has gone needs no address; its peers may need theirs.
    if (target.kind === 'process' && deps.startTime(target.pid) !== target.start) continue;
    deps.pool.restore(index, target);
  }
  for (const endpoint of endpoints.values())
    if (config.exists.has(endpoint.ino)) deps.ports.restore(endpoint);
  return { records: records.length };
}
