/** Who may do what (docs/protocols/control.md). Decided by the peer's credentials as the kernel gives them. */
import { PolicyError } from '#lib/core/index.ts';
import type { Credentials, Host } from './host.ts';
import type { ProcessEntry } from './registry/index.ts';

export interface AccessConfig {
  /** Group of the runtime folder: its members may manage. */
  gid: number | undefined;
}

export class Access {
  readonly #host: Pick<Host, 'uid' | 'groupsOf'>;
  readonly #config: AccessConfig;

  constructor(host: Pick<Host, 'uid' | 'groupsOf'>, config: AccessConfig) {
    this.#host = host;
    this.#config = config;
  }

  /** PolicyError EPERM unless root, irmd's own user, or a member of the group asks. */
  mustManage(cred: Credentials): void {
    if (cred.uid === 0 || cred.uid === this.#host.uid) return;
    const { gid } = this.#config;
    if (gid !== undefined && (cred.gid === gid || this.#host.groupsOf(cred.pid).includes(gid)))
      return;
    throw new PolicyError(`User ${cred.uid} may not manage this irmd`);
  }

  /** A process speaks for itself, for others of its user, or as root for anybody. PolicyError EPERM. */
  mustActFor(cred: Credentials, process: Pick<ProcessEntry, 'pid' | 'uid'>): void {
    if (cred.pid === process.pid || cred.uid === 0 || cred.uid === process.uid) return;
    throw new PolicyError(
      `User ${cred.uid} may not act for process ${process.pid} of user ${process.uid}`,
    );
  }
}
