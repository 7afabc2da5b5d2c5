/** Negative errno of a verb -> the project's errors, with the operation in the text. */
import { getSystemErrorName } from 'node:util';
import {
  type ErrnoName,
  isErrnoName,
  type OuroError,
  PeerError,
  PolicyError,
  ResourceError,
  UsageError,
} from '#lib/core/errors.ts';

const policy = new Set<string>(['EPERM', 'EACCES']);
const peer = new Set<string>(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOTCONN', 'EPROTO']);
const usage = new Set<string>([
  'EBADF',
  'EINVAL',
  'EEXIST',
  'ENOENT',
  'ENAMETOOLONG',
  'ENOTDIR',
  'EISDIR',
  'ELOOP',
  'EMSGSIZE',
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EOPNOTSUPP',
]);

/** `result` is negative. What it says about fault is the usual case; callers that know better throw their own. */
export function osError(result: number, operation: string): OuroError {
  const name = errnoText(result);
  const code: ErrnoName = isErrnoName(name) ? name : 'EIO';
  const text = `${operation}: ${name}`;
  if (policy.has(name)) return new PolicyError(text, code);
  if (peer.has(name)) return new PeerError(text, code);
  if (usage.has(name)) return new UsageError(text, isErrnoName(name) ? name : 'EINVAL');
  return new ResourceError(text, code);
}

/** Symbolic name of a negative errno, also of those that never cross our interfaces. */
export function errnoText(result: number): string {
  try {
    return getSystemErrorName(result);
  } catch {
    return `errno ${-result}`;
  }
}

/** Passes results through; throws for a negative errno. */
export function check<T>(result: T | number, operation: string): T {
  if (typeof result === 'number' && result < 0) throw osError(result, operation);
  return result as T;
}
