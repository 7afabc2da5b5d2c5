/** Both ends of a flow in one process: local flows of a composed process, and tests. */
import { type QosSpec, qosRaw } from '#lib/core/index.ts';
import { check, os as real } from '#lib/os/index.ts';
import { createRing, type RingConfig } from './create-ring.ts';
import { RingFlow } from './ring-flow.ts';

export class RingPair {
  readonly a: RingFlow;
  readonly b: RingFlow;

  constructor(config: RingConfig & { qos?: QosSpec } = {}) {
    const qos = config.qos ?? qosRaw;
    const { memfd, bells } = createRing(config);
    const second = check<number>(real.dup(memfd, 0), 'Duplicating a descriptor');
    this.a = new RingFlow({}, { memfd, bell: bells[0], end: 0, qos });
    this.b = new RingFlow({}, { memfd: second, bell: bells[1], end: 1, qos });
  }

  dealloc(): void {
    this.a.dealloc();
    this.b.dealloc();
  }
}
