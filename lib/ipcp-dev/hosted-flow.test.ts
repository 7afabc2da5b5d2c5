import { describe, expect, it } from '@jest/globals';
import { Errno } from '#lib/core/index.ts';
import type { Flow, FlowRequest } from '#lib/layer/index.ts';
import type { RingFlow } from '#lib/ring/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { CarriedTraffic } from './carried-traffic.ts';
import { HostedFlow } from './hosted-flow.ts';
import type { Guard } from './ipcp.ts';

const guard: Guard = (fn) => fn;

/** A flow and a ring that do nothing but say when they are released, and a request when it is refused. */
function setup() {
  const ended: string[] = [];
  const callbacks = { onReadable() {}, onWritable() {}, onEvent() {} };
  const stats = { packetsIn: 1, bytesIn: 2, packetsOut: 3, bytesOut: 4 };
  const flow = { ...callbacks, dealloc: () => ended.push('flow') } as unknown as Flow;
  const ring = { ...callbacks, stats, dealloc: () => ended.push('ring') } as unknown as RingFlow;
  const request = {
    reject: (errno) => void ended.push(`request ${errno}`),
  } as Partial<FlowRequest> as FlowRequest;
  const hosted = new HostedFlow(1, 2, { request });
  const traffic = new CarriedTraffic();
  const pump = () => hosted.openPumped({ clock: new SimClock(), guard }, traffic);
  const release = () => {
    hosted.release(Errno.ECANCELED, 0);
    hosted.release(Errno.EIPCP, 0);
    hosted.kill(Errno.EIPCP);
  };
  return { hosted, flow, ring, ended, traffic, pump, release };
}

describe('HostedFlow', () => {
  it('refuses a request once, if it was not answered', () => {
    const { hosted, ended, release } = setup();
    release();
    expect([ended, hosted.signal.aborted]).toEqual([[`request ${Errno.ECANCELED}`], true]);
  });

  it('ends what it has, and what comes later, once', () => {
    const first = setup();
    first.hosted.holdFlow(first.flow);
    first.release();
    first.hosted.holdRing(first.ring);
    first.release();
    expect(first.ended).toEqual(['flow', 'ring']);
    const second = setup();
    second.hosted.holdFlow(second.flow);
    second.hosted.holdRing(second.ring);
    second.release();
    expect(second.ended.sort()).toEqual(['flow', 'ring']);
    const third = setup();
    third.hosted.request = undefined;
    third.hosted.holdRing(third.ring);
    third.release();
    third.hosted.holdFlow(third.flow);
    third.release();
    expect(third.ended).toEqual(['ring', 'flow']);
  });

  it('ends both once when they cannot be carried', () => {
    const { hosted, flow, ring, ended, traffic, pump, release } = setup();
    hosted.holdFlow(flow);
    hosted.holdRing(ring);
    flow.onWritable = () => {
      throw new RangeError('a bug of the layer');
    };
    expect(pump).toThrow('a bug of the layer');
    expect(ended).toEqual([]);
    release();
    expect(ended.sort()).toEqual(['flow', 'ring']);
    ring.stats.packetsIn = 100;
    expect(traffic.read()).toMatchObject({ 'packets sent': 1 });
  });

  it('leaves both to what carries them', () => {
    const { hosted, flow, ring, ended, traffic, pump } = setup();
    hosted.holdFlow(flow);
    hosted.holdRing(ring);
    pump();
    hosted.disown();
    hosted.release(Errno.ECANCELED, 0);
    expect([ended, traffic.read()]).toMatchObject([[], { 'packets received': 3 }]);
    hosted.kill(Errno.EIPCP);
    expect(ended.sort()).toEqual(['flow', 'ring']);
  });

  it('ends a spliced flow once', () => {
    const { hosted, flow, ended, release } = setup();
    hosted.holdFlow(flow);
    hosted.openSpliced();
    release();
    expect(ended).toEqual(['flow']);
  });
});
