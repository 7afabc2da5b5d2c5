/**
 * Which file a program argument means: a relative path is taken from the working folder, a bare word is looked up in
 * $PATH first. So `irm bind program ./ioq3ded.x86_64 name ioq3` stores where the program really is.
 */
import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { PolicyError, UsageError } from '#lib/core/index.ts';

export interface Whereabouts {
  cwd: string;
  /** $PATH. */
  path: string | undefined;
}

/**
 * Absolute path of an executable file, symbolic links of its folder resolved but not its own (a program is known by the
 * name under which it was started).
 * @throws UsageError ENOENT when there is none; PolicyError EACCES when it cannot be executed.
 */
export function resolveProgram(program: string, { cwd, path }: Whereabouts): string {
  const found = program.includes('/') ? resolve(cwd, program) : lookUp(program, cwd, path);
  let file: ReturnType<typeof statSync>;
  try {
    file = statSync(found);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES') throw cannot(found);
    throw new UsageError(`${found} does not exist`, 'ENOENT');
  }
  if (!file?.isFile()) throw new UsageError(`${found} is not a file`);
  // For root access(2) is satisfied by any execute bit, and wants at least one.
  if (!executable(found)) throw cannot(found);
  return programPath(found, cwd);
}

/** Absolute path as `resolveProgram` gives it, of a program that may have gone. */
export function programPath(path: string, cwd: string): string {
  const full = resolve(cwd, path);
  try {
    return join(realpathSync(dirname(full)), basename(full));
  } catch {
    return full;
  }
}

function lookUp(word: string, cwd: string, path: string | undefined): string {
  for (const folder of (path ?? '').split(':')) {
    const candidate = resolve(cwd, folder, word);
    if (executable(candidate) && statSync(candidate).isFile()) return candidate;
  }
  const here = resolve(cwd, word);
  if (isAbsolute(here) && executable(here)) return here;
  throw new UsageError(`${word} does not exist: neither in $PATH nor in ${cwd}`, 'ENOENT');
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function cannot(path: string): PolicyError {
  return new PolicyError(`Cannot execute ${path}, please check its permissions`, 'EACCES');
}
