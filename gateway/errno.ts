/** What a program's socket call fails with when its flow does. */
import { constants } from 'node:os';
import { OuroError } from '#lib/core/index.ts';

const { ECONNREFUSED, EHOSTUNREACH, ENETDOWN, ETIMEDOUT, EIO, EADDRNOTAVAIL } = constants.errno;

/** Errno of connect for an error of flow_alloc. Those that Linux does not know become the nearest that it does. */
export function connectErrno(error: unknown): number {
  if (!(error instanceof OuroError)) return EIO;
  switch (error.code) {
    case 'ENAME':
      return EHOSTUNREACH;
    // The name exists, but nobody accepts for it.
    case 'EIPCP':
      return ECONNREFUSED;
    case 'EIRMD':
    case 'EIPCPSTATE':
      return ENETDOWN;
    case 'ECANCELED':
      return ETIMEDOUT;
    case 'ENOBUFS':
    case 'EMFILE':
      return EADDRNOTAVAIL;
    default:
      return error.errno < 1000 ? error.errno : ECONNREFUSED;
  }
}
