/**
 * State machines as tables: states, allowed moves, initial, final and failure flags. A table is checked when it is
 * defined, each move when it is made; an invariant then has to hold, and a trace hook sees it. So a
 * component cannot drift into a state that its author did not draw.
 */
import { InternalError } from './errors.ts';

export interface StateRow<S extends string> {
  /** States that may follow. */
  readonly to: readonly S[];
  /** Nothing follows. */
  readonly final?: true;
  /** Reached only when something went wrong. */
  readonly failure?: true;
}

export interface MachineTable<S extends string> {
  readonly name: string;
  readonly initial: NoInfer<S>;
  readonly states: Readonly<Record<S, StateRow<NoInfer<S>>>>;
}

export interface MachineHooks<S extends string> {
  /** Must hold in `state`; false is a bug of ours and throws. */
  invariant?: (state: S) => boolean;
  trace?: (move: { machine: string; from: S; to: S }) => void;
}

/** One component's position in its table. */
export interface Machine<S extends string> {
  readonly state: S;
  /** In one of these states? */
  is(...states: S[]): boolean;
  can(to: S): boolean;
  /** Throws InternalError for a move that is not in the table or breaks the invariant. */
  move(to: S): void;
  /** No move leads out of the current state. */
  readonly ended: boolean;
  readonly failed: boolean;
}

export interface MachineDefinition<S extends string> extends MachineTable<S> {
  start(hooks?: MachineHooks<S>): Machine<S>;
}

/** Throws InternalError for a table with unknown, unreachable, or wrongly flagged states. */
export function defineMachine<S extends string>(table: MachineTable<S>): MachineDefinition<S> {
  checkTable(table);
  return { ...table, start: (hooks = {}) => new RunningMachine(table, hooks) };
}

class RunningMachine<S extends string> implements Machine<S> {
  readonly #table: MachineTable<S>;
  readonly #hooks: MachineHooks<S>;
  #state: S;

  constructor(table: MachineTable<S>, hooks: MachineHooks<S>) {
    this.#table = table;
    this.#hooks = hooks;
    this.#state = table.initial;
  }

  get state(): S {
    return this.#state;
  }

  get ended(): boolean {
    return this.#table.states[this.#state].final === true;
  }

  get failed(): boolean {
    return this.#table.states[this.#state].failure === true;
  }

  is(...states: S[]): boolean {
    return states.includes(this.#state);
  }

  can(to: S): boolean {
    return this.#table.states[this.#state].to.includes(to);
  }

  move(to: S): void {
    const from = this.#state;
    const machine = this.#table.name;
    if (!this.can(to))
      throw new InternalError(`Machine ${machine} cannot go from ${from} to ${to}`);
    this.#state = to;
    this.#hooks.trace?.({ machine, from, to });
    if (this.#hooks.invariant?.(to) === false)
      throw new InternalError(`Machine ${machine} broke its invariant going from ${from} to ${to}`);
  }
}

function checkTable<S extends string>(table: MachineTable<S>): void {
  const names = Object.keys(table.states) as S[];
  const reached = new Set<S>();
  const queue: S[] = [table.initial];
  for (let state = queue.pop(); state !== undefined; state = queue.pop()) {
    if (reached.has(state)) continue;
    reached.add(state);
    const row = Object.hasOwn(table.states, state) ? table.states[state] : undefined;
    if (row === undefined) throw new InternalError(`Machine ${table.name} has no state ${state}`);
    if ((row.final === true) !== (row.to.length === 0))
      throw new InternalError(`Machine ${table.name}: ${state} must be final or lead somewhere`);
    queue.push(...row.to);
  }
  const lost = names.filter((name) => !reached.has(name));
  if (lost.length > 0)
    throw new InternalError(`Machine ${table.name} never reaches ${lost.join(', ')}`);
}
