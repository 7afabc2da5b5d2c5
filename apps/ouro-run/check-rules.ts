/** What `ouro-run --check` and `--print` say of rules. */

export interface CheckedRules {
  /** Printed form of each rule. */
  rules: string[];
  problems: { where: string; text: string }[];
}

export interface CheckOptions {
  /** Show them; else say that they are good. */
  readonly print: boolean;
  /** Path of a program that can be run. */
  readonly program: string | undefined;
}

export interface CheckDeps {
  out(text: string): void;
  err(text: string): void;
}

const DEFAULTS = `-  in,flow
-  out,flow to names of Ouroboros, loopback and this host's addresses, broadcast and multicast
-  out,pass everything else
`;

/** True when the rules are good. */
export function reportRules(
  deps: CheckDeps,
  checked: CheckedRules,
  options: CheckOptions,
): boolean {
  const { rules, problems } = checked;
  for (const { where, text } of problems) deps.err(`${where}: ${text}`);
  if (options.print) {
    for (const [i, rule] of rules.entries()) deps.out(`${i + 1}  ${rule}\n`);
    deps.out(DEFAULTS);
  } else if (problems.length === 0) {
    const program = options.program === undefined ? '' : `, ${options.program} can be run`;
    deps.out(`${rules.length} rule${rules.length === 1 ? '' : 's'} ok${program}\n`);
  }
  return problems.length === 0;
}
