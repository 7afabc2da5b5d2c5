/**
 * Errors say who is at fault, in a stable `code`, with the errno that the C-facing API returns.
 *
 * Expected outcomes (an insert result, an admission verdict) are returned as values, not thrown.
 * Messages: sentence case, no full stop, and they carry the values.
 */

/** Linux errno values that cross our interfaces, and Ouroboros' own from 1000 (semantics: errno.h). */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  EINVAL: 22,
  EMFILE: 24,
  EPIPE: 32,
  EPROTO: 71,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ENOBUFS: 105,
  ENOTCONN: 107,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EHOSTUNREACH: 113,
  ECANCELED: 125,
  ENOTALLOC: 1000,
  EIPCPTYPE: 1001,
  EIRMD: 1002,
  EIPCP: 1003,
  EIPCPSTATE: 1004,
  EFLOWDOWN: 1005,
  EFLOWPEER: 1006,
  ENAME: 1007,
  ECRYPT: 1008,
  EAUTH: 1009,
  /** Between irmds of ours: send the request again, with the data that it held back (docs/wire/extensions.md). */
  EHELD: 2001,
} as const;
export type ErrnoName = keyof typeof Errno;

/** Who has to act: us, the caller, the peer, the operator's policy, the machine, or nobody. */
export const Fault = {
  internal: 'internal',
  usage: 'usage',
  peer: 'peer',
  policy: 'policy',
  resource: 'resource',
  canceled: 'canceled',
  timeout: 'timeout',
} as const;
export type Fault = (typeof Fault)[keyof typeof Fault];

/** Base of every error that this project throws. */
export class OuroError extends Error {
  readonly fault: Fault;
  /** Stable, for scripts: an errno's name such as `ENAME`. */
  readonly code: ErrnoName;
  /** True when the same call may succeed later. */
  readonly retry: boolean;

  constructor(fault: Fault, code: ErrnoName, message: string, retry = false) {
    super(message);
    this.name = new.target.name;
    this.fault = fault;
    this.code = code;
    this.retry = retry;
  }

  /** Positive errno; C-facing calls return its negative. */
  get errno(): number {
    return Errno[this.code];
  }
}

export class InternalError extends OuroError {
  constructor(message: string) {
    super(Fault.internal, 'EIO', message);
  }
}
/** The caller broke the contract: bad argument, wrong state. */
export class UsageError extends OuroError {
  constructor(message: string, code: ErrnoName = 'EINVAL') {
    super(Fault.usage, code, message);
  }
}
/** Bytes or behaviour of the other side are wrong, or it said no. */
export class PeerError extends OuroError {
  constructor(message: string, code: ErrnoName = 'EPROTO') {
    super(Fault.peer, code, message);
  }
}
/** Refused by configuration, credentials or rules. */
export class PolicyError extends OuroError {
  constructor(message: string, code: ErrnoName = 'EPERM') {
    super(Fault.policy, code, message);
  }
}
/** Out of something: descriptors, memory, ids, queue space. */
export class ResourceError extends OuroError {
  constructor(message: string, code: ErrnoName = 'ENOBUFS') {
    super(Fault.resource, code, message, true);
  }
}
export class CanceledError extends OuroError {
  constructor(message: string, code: ErrnoName = 'ECANCELED') {
    super(Fault.canceled, code, message);
  }
}
export class TimeoutError extends OuroError {
  constructor(message: string) {
    super(Fault.timeout, 'ETIMEDOUT', message, true);
  }
}

/** An error that crossed a control connection; keeps fault, code and text of the original. */
export class RemoteError extends OuroError {}

export function isErrnoName(code: string): code is ErrnoName {
  return Object.hasOwn(Errno, code);
}

/** Name of a positive errno, or undefined. */
export function errnoName(errno: number): ErrnoName | undefined {
  for (const [name, value] of Object.entries(Errno)) if (value === errno) return name as ErrnoName;
  return undefined;
}
