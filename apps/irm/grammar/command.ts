/**
 * Shape of the command table: groups of words, and commands with one word that comes first (positional), keywords in any
 * order, and possibly everything after `--`.
 */
import type { Context, Reply } from '../context.ts';
import type { Param } from './params.ts';

export type Params = Readonly<Record<string, Param<unknown>>>;
/** Values by key; every key of the table is there. */
export type ArgsOf<O extends Params> = {
  readonly [K in keyof O]: O[K] extends Param<infer T> ? T : never;
};

/** `'--'` is what followed `--`, when the command takes such words. */
export type Args = Readonly<Record<string, unknown>> & { readonly '--': readonly string[] };

export interface Command {
  readonly kind: 'command';
  readonly summary: string;
  /** At most one key: the parameter whose word comes first, without a keyword. */
  readonly first: Params;
  /** Keyword → parameter, in matching order. */
  readonly keywords: Params;
  /** Other keywords for the same parameters; matched after all `keywords`. */
  readonly aliases: Readonly<Record<string, string>>;
  /** What follows `--`, in help; absent when nothing may. */
  readonly rest: string | undefined;
  /** Needs no irmd: its context has none. */
  readonly offline: boolean;
  /** Whole command lines for the end of help. */
  readonly examples: readonly string[];
  /** Says what is wrong with the arguments as a whole. */
  check(args: Args): string | undefined;
  run(args: Args, context: Context): Promise<Reply>;
}

export interface Entry {
  readonly word: string;
  readonly node: Command | Group;
}

export interface Group {
  readonly kind: 'group';
  readonly summary: string;
  /** In matching order. */
  readonly entries: readonly Entry[];
}

type ArgsFor<F extends Params, K extends Params> = ArgsOf<F> &
  ArgsOf<K> & { readonly '--': readonly string[] };

/** Checks the types of a command's arguments against its table, then forgets them: the parser made the values. */
export function defineCommand<
  F extends Params = Record<never, never>,
  K extends Params = Record<never, never>,
>(spec: {
  summary: string;
  first?: F;
  keywords?: K;
  aliases?: Readonly<Record<string, keyof K & string>>;
  rest?: string;
  offline?: boolean;
  examples?: readonly string[];
  check?(args: ArgsFor<F, K>): string | undefined;
  run(args: ArgsFor<F, K>, context: Context): Promise<Reply>;
}): Command {
  return {
    kind: 'command',
    summary: spec.summary,
    first: spec.first ?? {},
    keywords: spec.keywords ?? {},
    aliases: spec.aliases ?? {},
    rest: spec.rest,
    offline: spec.offline ?? false,
    examples: spec.examples ?? [],
    check: (args) => spec.check?.(args as unknown as ArgsFor<F, K>),
    run: (args, context) => spec.run(args as unknown as ArgsFor<F, K>, context),
  };
}

export function group(summary: string, table: Readonly<Record<string, Command | Group>>): Group {
  return {
    kind: 'group',
    summary,
    entries: Object.entries(table).map(([word, node]) => ({ word, node })),
  };
}
