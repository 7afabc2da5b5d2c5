/**
 * Runs by id. One stays while some process of it lives or its first one may still be starting; a shorter while when there are
 * many. BOUNDED by `max`; when full, `create` refuses.
 */
import { type Clock, type Millis, ResourceError } from '#lib/core/index.ts';
import { makeRun, type Run, type RunRecord } from '../processes/run.ts';

/** From `run_create` to the program's HELLO, and from the end of a process to the HELLO of a child that outlives it. */
const START_GRACE: Millis = 30_000;
/** The same when thousands of programs are started one after the other. */
const CROWDED_GRACE: Millis = 1000;

interface Entry {
  readonly run: Run;
  seen: Millis;
}

export class Runs {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #max: number;
  /** BOUNDED by #max. */
  readonly #runs = new Map<number, Entry>();
  #next = 1;

  constructor(deps: { clock: Pick<Clock, 'now'> }, config: { max?: number } = {}) {
    this.#clock = deps.clock;
    this.#max = config.max ?? 4096;
  }

  get size(): number {
    return this.#runs.size;
  }

  get full(): boolean {
    return this.#runs.size >= this.#max;
  }

  get(id: number): Run | undefined {
    return this.#runs.get(id)?.run;
  }

  *values(): IterableIterator<Run> {
    for (const { run } of this.#runs.values()) yield run;
  }

  create(record: Omit<RunRecord, 'id'>): Run {
    if (this.full) throw new ResourceError(`More than ${this.#max} runs at once`);
    return this.restore({ ...record, id: this.#next });
  }

  restore(record: RunRecord): Run {
    const run = makeRun(record);
    this.#runs.set(run.id, { run, seen: this.#clock.now() });
    this.#next = Math.max(this.#next, run.id + 1);
    return run;
  }

  /** Forgets runs of which nothing lives; `live`: ids of runs that have processes. Returns what went. */
  expire(live: ReadonlySet<number>): Run[] {
    const now = this.#clock.now();
    const gone: Run[] = [];
    const grace = this.full ? CROWDED_GRACE : START_GRACE;
    for (const [id, entry] of this.#runs) {
      if (live.has(id)) entry.seen = now;
      else if (now - entry.seen > grace) {
        this.#runs.delete(id);
        gone.push(entry.run);
      }
    }
    return gone;
  }
}
