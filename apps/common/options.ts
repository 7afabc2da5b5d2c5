/** What the flow tools declare alike on their command lines. */
import { type QosSpec, qosByName, UsageError } from '#lib/core/index.ts';

/** A switch; `alias` is its one-letter form, or another spelling. */
export const flag = (desc: string, alias?: string) =>
  ({ type: 'boolean', desc, ...(alias && { alias }) }) as const;

/** An option with a value. */
export const value = (desc: string, alias: string) =>
  ({ type: 'string', requiresArg: true, desc, alias }) as const;

/** Understood for the sake of scripts written for the prototype; not shown. */
export const hidden = <T extends object>(option: T) => ({ ...option, hidden: true }) as const;

export const qosOption = {
  ...value('quality of the flow (default: raw)', 'q'),
  choices: Object.keys(qosByName),
};

/** The choices of `qosOption` are the names that there are. */
export const qosOf = (name: string | undefined): QosSpec => qosByName[name ?? 'raw'] as QosSpec;

/** The name that a client was given. Throws UsageError when there is none. */
export function nameToCall(name: string | undefined): string {
  if (name === undefined || name === '')
    throw new UsageError('Which name? Give -n NAME, or -l to run the server (--help has examples)');
  return name;
}
