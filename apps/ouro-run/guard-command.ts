/** How a guard is started: by `ouro-run` for a stack that it shall start, or by a stack whose guard has died. */
import { join } from 'node:path';

export interface GuardCommand {
  readonly program: string;
  readonly args: string[];
}

/** The stack's log; the guard's lock is beside it. */
export function stackLog(folder: string): string {
  return join(folder, 'stack.log');
}

export function guardLock(folder: string): string {
  return `${stackLog(folder)}.lock`;
}

/** `stack`: command line of the stack. `adopt`: the stack runs already, and calls. */
export function guardCommand(
  root: string,
  folder: string,
  stack: readonly string[],
  adopt = false,
): GuardCommand {
  return {
    program: join(root, 'shim/build/ouro-guard'),
    args: [...(adopt ? ['--adopt'] : []), stackLog(folder), ...stack],
  };
}
