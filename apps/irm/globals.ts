/** Options that every command has. They may stand anywhere before a `--`. */

export interface Globals {
  readonly json: boolean;
  readonly help: boolean;
  readonly version: boolean;
  /** Runtime folder of irmd. */
  readonly dir: string | undefined;
  /** What remains for the grammar. */
  readonly words: readonly string[];
}

/** As help and completion show them. */
export const globalOptions: readonly (readonly [string, string])[] = [
  ['--json', 'write the result as JSON'],
  ['--dir', 'runtime folder of irmd, instead of $OUROBOROS_DIR'],
  ['--help', 'help about the command'],
  ['--version', 'version'],
];

export function splitGlobals(argv: readonly string[]): Globals {
  const words: string[] = [];
  let json = false;
  let help = false;
  let version = false;
  let dir: string | undefined;
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--') {
      words.push(...argv.slice(i));
      break;
    }
    if (word === '--json') json = true;
    else if (word === '--help' || word === '-h') help = true;
    else if (word === '--version' || word === '-V') version = true;
    else if (word === '--dir' && i + 1 < argv.length) dir = argv[++i];
    else if (word.startsWith('--dir=')) dir = word.slice('--dir='.length);
    else words.push(word);
  }
  return { json, help, version, dir, words };
}
