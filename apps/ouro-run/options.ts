/**
 * Command line of ouro-run. Parsed by hand: it is on the way of every program that starts, and the options end at the
 * program's name, whose own options must not be touched.
 */
import { UsageError } from '#lib/core/index.ts';

export interface Options {
  names: string[];
  ruleFiles: string[];
  /** As given with -r. */
  rules: string[];
  check: boolean;
  print: boolean;
  verbose: boolean;
  direct: boolean;
  stop: boolean;
  help: boolean;
  version: boolean;
  dir: string | undefined;
  node: string | undefined;
  /** Seconds. */
  idle: number | undefined;
  /** Program and its arguments; empty when none was given. */
  command: string[];
}

const FLAGS = {
  '--check': 'check',
  '-p': 'print',
  '--print': 'print',
  '-v': 'verbose',
  '--verbose': 'verbose',
  '--stop': 'stop',
  '-h': 'help',
  '--help': 'help',
  '-V': 'version',
  '--version': 'version',
} as const;

const WITH_VALUE = ['--name', '--rules', '-r', '--rule', '--dir', '--node', '--idle'] as const;
type WithValue = (typeof WITH_VALUE)[number];

const LONGEST_NAME = 255;

/** Throws UsageError with a sentence that names the option. */
export function parseOptions(argv: readonly string[]): Options {
  const options: Options = {
    names: [],
    ruleFiles: [],
    rules: [],
    check: false,
    print: false,
    verbose: false,
    direct: true,
    stop: false,
    help: false,
    version: false,
    dir: undefined,
    node: undefined,
    idle: undefined,
    command: [],
  };
  let i = 0;
  for (; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--') {
      i++;
      break;
    }
    if (!word.startsWith('-') || word === '-') break;
    const [option, attached] = split(word);
    if (isFlag(option) && attached === undefined) options[FLAGS[option]] = true;
    else if (option === '--no-direct' && attached === undefined) options.direct = false;
    else if (isWithValue(option)) {
      const value = attached ?? argv[++i];
      if (value === undefined || value === '')
        throw new UsageError(`Option ${option} needs a value`);
      setValue(options, option, value);
    } else throw new UsageError(`Option ${word} is unknown; see ouro-run --help`);
  }
  options.command = argv.slice(i);
  return options;
}

/** `--name=x` and `-rRULE` carry their value along. */
function split(word: string): [string, string | undefined] {
  if (word.startsWith('--')) {
    const eq = word.indexOf('=');
    return eq < 0 ? [word, undefined] : [word.slice(0, eq), word.slice(eq + 1)];
  }
  return word.startsWith('-r') && word.length > 2 ? ['-r', word.slice(2)] : [word, undefined];
}

function isFlag(option: string): option is keyof typeof FLAGS {
  return Object.hasOwn(FLAGS, option);
}

function isWithValue(option: string): option is WithValue {
  return (WITH_VALUE as readonly string[]).includes(option);
}

function setValue(options: Options, option: WithValue, value: string): void {
  switch (option) {
    case '--name':
      options.names.push(checkName(option, value));
      return;
    case '--rules':
      options.ruleFiles.push(value);
      return;
    case '-r':
    case '--rule':
      options.rules.push(value);
      return;
    case '--dir':
      if (!value.startsWith('/'))
        throw new UsageError(`Option --dir: ${value} is no absolute path`);
      options.dir = value.length > 1 ? value.replace(/\/+$/, '') : value;
      return;
    case '--node':
      options.node = checkName(option, value);
      return;
    case '--idle':
      if (!/^\d{1,7}$/.test(value))
        throw new UsageError(`Option --idle: ${value} is no number of seconds`);
      options.idle = Number(value);
      return;
  }
}

function checkName(option: string, name: string): string {
  if (Buffer.byteLength(name) > LONGEST_NAME)
    throw new UsageError(`Option ${option}: the name is longer than ${LONGEST_NAME} bytes`);
  return name;
}
