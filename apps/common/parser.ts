/**
 * The parser that every command line here starts from. An option that is given again replaces what was given before, as POSIX tools have
 * it (so an alias's options can be overridden), and what is no declared option is refused: a declared text is never anything else.
 */
import yargs, { type Argv } from 'yargs';

export function strictParser(argv: readonly string[] = []): Argv {
  return yargs([...argv])
    .parserConfiguration({
      'duplicate-arguments-array': false,
      'boolean-negation': false,
      'dot-notation': false,
    })
    .strict();
}
