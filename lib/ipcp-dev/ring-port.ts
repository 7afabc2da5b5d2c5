/** Descriptors of a ring's end as they come with a request. They belong to the host from then on. */
import { type QosSpec, UsageError } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import { type End, RingFlow } from '#lib/ring/index.ts';

export interface RingPort {
  /** Takes the descriptors, also when it throws. */
  open(fds: readonly number[], end: End, qos: QosSpec): RingFlow;
  close(fds: readonly number[]): void;
}

export const realRings: RingPort = {
  open(fds, end, qos) {
    const [memfd, bell] = fds;
    if (memfd === undefined || bell === undefined || fds.length !== 2) {
      realRings.close(fds);
      throw new UsageError(`A flow comes with a memory and a bell, not ${fds.length} descriptors`);
    }
    // Empty packets are the programs' keepalives: they are for the far end.
    return new RingFlow({}, { memfd, bell, end, qos, deliverEmpty: true });
  },
  close(fds) {
    for (const fd of fds) os.close(fd);
  },
};
