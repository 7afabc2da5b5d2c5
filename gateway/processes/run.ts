/** A run: what one `ouro-run` asked for. Its processes are the program and all that it starts. */
import { parseRules, type Rule, type RuleLine } from '../rules/index.ts';

export interface Run {
  readonly id: number;
  /** Names that its servers accept for. */
  readonly names: readonly string[];
  readonly ruleLines: readonly RuleLine[];
  readonly rules: readonly Rule[];
  /** Path of the program that was started. */
  readonly program: string;
  /** False: streams always go through the gateway. */
  readonly direct: boolean;
}

export type RunRecord = Omit<Run, 'rules' | 'ruleLines'> & { readonly rules: readonly RuleLine[] };

export function makeRun(record: RunRecord): Run {
  const { rules: ruleLines, ...rest } = record;
  return { ...rest, ruleLines, rules: parseRules(ruleLines).rules };
}

export function runRecord(run: Run): RunRecord {
  const { id, names, program, direct, ruleLines } = run;
  return { id, names, program, direct, rules: ruleLines };
}

/** For processes whose run is not known: nothing but the defaults. */
export const DEFAULT_RUN: Run = {
  id: 0,
  names: [],
  ruleLines: [],
  rules: [],
  program: '',
  direct: true,
};
