/**
 * Parameters of commands: what may follow a keyword, how the word is read, and what help and completion say about it.
 * A parameter is data; `parse.ts` walks it.
 */
import { isIP } from 'node:net';
import { nearest } from './suggest.ts';

/** A refusal's `text` is a sentence with the word in it; `near` is what may have been meant. */
export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly text: string; readonly near?: string };

/** What an argument names; completion lists these, and an unknown one gets a "did you mean". */
export type Ref = 'ipcp' | 'layer' | 'name' | 'pid' | 'program' | 'file' | 'device';

/**
 * `value`: keyword and one word. `flag`: the keyword alone. `maybe`: the word may be absent (2018's bare `ttl`).
 * `many`: keyword and word, any number of times.
 */
export type Arity = 'value' | 'flag' | 'maybe' | 'many';

export interface Param<T> {
  readonly arity: Arity;
  /** Name of the value in help, in capitals; empty for a flag. */
  readonly placeholder: string;
  readonly help: string;
  readonly required: boolean;
  /** The keyword itself must be spelled out. */
  readonly exact: boolean;
  /** Heading in help, for options of some IPCP types only. */
  readonly section: string;
  readonly refers: Ref | undefined;
  /** Every word that `read` accepts, when that is a short list. */
  readonly choices: readonly string[];
  /** Value of an absent parameter. */
  readonly absent: T;
  /** Value of a `flag`, or of a `maybe` without its word. */
  readonly bare: T | undefined;
  /** Reads one word; for `many`, one element. `label`: the keyword, for a refusal's sentence. */
  read(word: string, label: string): Read<unknown>;
}

interface Options<T> {
  arity?: Arity;
  exact?: boolean;
  section?: string;
  refers?: Ref;
  choices?: readonly string[];
  bare?: T;
}

function param<T>(
  placeholder: string,
  help: string,
  absent: T,
  read: (word: string, label: string) => Read<unknown>,
  options: Options<T> = {},
): Param<T> {
  return {
    arity: 'value',
    placeholder,
    help,
    required: false,
    exact: false,
    section: '',
    refers: undefined,
    choices: [],
    absent,
    bare: undefined,
    read,
    ...options,
  };
}

const yes = <T>(value: T): Read<T> => ({ ok: true, value });
const no = (text: string, near?: string): Read<never> => ({
  ok: false,
  text,
  ...(near === undefined ? {} : { near }),
});

/** Any word but the empty one. */
export function text(
  placeholder: string,
  help: string,
  options: { refers?: Ref; section?: string } = {},
): Param<string | undefined> {
  const read = (word: string, label: string): Read<string> =>
    word === '' ? no(`"${label}" must not be empty.`) : yes(word);
  return param<string | undefined>(placeholder, help, undefined, read, options);
}

/**
 * One of a few words, compared exactly or by prefix in table order. The values of `table` are what the words mean, so
 * that words of both eras can share a meaning.
 */
export function choice<const T extends string>(
  placeholder: string,
  help: string,
  table: Readonly<Record<string, T>>,
  options: { section?: string; prefix?: boolean } = {},
): Param<T | undefined> {
  const words = Object.keys(table);
  const read = (word: string, label: string): Read<T> => {
    const found = options.prefix
      ? words.find((w) => word !== '' && w.startsWith(word))
      : words.find((w) => w === word);
    if (found !== undefined) return yes(table[found]!);
    return no(
      `"${label}" must be one of ${words.join(', ')}, not "${word}".`,
      nearest(word, words),
    );
  };
  return param<T | undefined>(placeholder, help, undefined, read, {
    choices: words,
    ...(options.section === undefined ? {} : { section: options.section }),
  });
}

/** A whole number from `least` to `most`, in decimal, or in hexadecimal with or without 0x. */
export function integer(
  placeholder: string,
  help: string,
  range: { least: number; most: number; hex?: boolean },
  options: { section?: string } = {},
): Param<number | undefined> {
  const form = range.hex ? /^(0[xX])?[0-9a-fA-F]{1,8}$/ : /^[0-9]{1,10}$/;
  const show = (n: number) =>
    range.hex ? `0x${n.toString(16).toUpperCase().padStart(4, '0')}` : String(n);
  const read = (word: string, label: string): Read<number> => {
    const value = form.test(word) ? Number.parseInt(word, range.hex ? 16 : 10) : Number.NaN;
    return value >= range.least && value <= range.most
      ? yes(value)
      : no(
          `"${label}" must be a number from ${show(range.least)} to ${show(range.most)}, not "${word}".`,
        );
  };
  return param<number | undefined>(placeholder, help, undefined, read, options);
}

/** An IPv4 or IPv6 address. */
export function ip(help: string, options: { section?: string } = {}): Param<string | undefined> {
  const read = (word: string, label: string): Read<string> =>
    isIP(word) === 0 ? no(`"${label}" must be an IPv4 or IPv6 address, not "${word}".`) : yes(word);
  return param<string | undefined>('IP', help, undefined, read, options);
}

/** A process id; whether there is such a process is irmd's to say. */
export function pid(help: string): Param<number | undefined> {
  const read = (word: string): Read<number> => {
    const value = /^[0-9]{1,10}$/.test(word) ? Number.parseInt(word, 10) : 0;
    return value > 0 && value < 2 ** 31 ? yes(value) : no(`"${word}" is not a valid process id.`);
  };
  return param<number | undefined>('PID', help, undefined, read, { refers: 'pid' });
}

/** A keyword that stands alone. */
export function flag(
  help: string,
  options: { exact?: boolean; section?: string } = {},
): Param<boolean> {
  return param<boolean>('', help, false, (_, label) => no(`"${label}" takes no value.`), {
    ...options,
    arity: 'flag',
    bare: true,
  });
}

/** The parameter may stand without its value and then means `bare`. */
export function maybe<T>(of: Param<T | undefined>, bare: T): Param<T | undefined> {
  return { ...of, arity: 'maybe', bare };
}

/** The parameter may be given any number of times. */
export function many<T>(of: Param<T | undefined>): Param<readonly T[]> {
  return { ...of, arity: 'many', absent: [], bare: undefined };
}

export function required<T>(of: Param<T | undefined>): Param<T> {
  return { ...of, required: true } as Param<T>;
}
