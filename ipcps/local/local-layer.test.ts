import { describe, expect, it } from '@jest/globals';
import { qosRaw, silentLogger } from '#lib/core/index.ts';
import { layerConformance } from '#lib/layer/conformance.ts';
import type { FlowRequest } from '#lib/layer/index.ts';
import { SimClock } from '#lib/testkit/index.ts';
import { LocalLayer } from './local-layer.ts';

layerConformance('The local layer', async () => {
  const clock = new SimClock();
  const layer = new LocalLayer({ clock, log: silentLogger }, { name: 'local', hash: 'SHA3-256' });
  const members = [layer.user(), layer.user(), layer.user()] as const;
  return {
    members: [members[0], members[1], members[2]],
    run: (promise) => clock.run(promise),
    until: (condition, what) => clock.until(condition, what),
    pass: (span) => clock.advance(span),
    close: async () => {
      for (const member of members) await member.close();
    },
  };
});

function setup(maxFlows = 100) {
  const lines: string[] = [];
  const clock = new SimClock();
  const log = { ...silentLogger, info: (text: string) => lines.push(text) };
  const user = new LocalLayer({ clock, log }, { name: 'local', hash: 'SHA3-224', maxFlows }).user();
  return { lines, clock, user };
}

describe('LocalLayer', () => {
  it('says what the 2018 talk shows', async () => {
    const { lines, user } = setup();
    user.onRequest((r) => r.accept());
    await user.register(user.hash('server'));
    const { flow } = await user.allocate(user.hash('server'), { qos: qosRaw });
    flow.dealloc();
    await user.unregister(user.hash('server'));
    expect(lines).toEqual([
      'Registered 081afc84.',
      'Pending local allocation request on fd 64.',
      'Flow allocation completed, fds (64, 65).',
      'Flow with fd 64 deallocated.',
      'Unregistered 081afc84.',
    ]);
  });

  it('uses numbers again, lowest first, however an allocation ends', async () => {
    const { lines, clock, user } = setup();
    const answers: ((r: FlowRequest) => void)[] = [];
    user.onRequest((r) => answers.shift()?.(r));
    await user.register(user.hash('s'));
    const open = (answer: (r: FlowRequest) => void, timeout = 10) => {
      answers.push(answer);
      return clock.run(user.allocate(user.hash('s'), { qos: qosRaw, timeout }));
    };
    await expect(open((r) => r.reject(111))).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    let late!: FlowRequest;
    await expect(
      open((r) => {
        late = r;
      }),
    ).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    const first = await open((r) => r.accept().dealloc());
    late.accept().dealloc();
    first.flow.dealloc();
    await clock.settle();
    expect([...user.ends()]).toEqual([]);
    lines.length = 0;
    await open((r) => r.accept());
    expect(lines).toEqual([
      'Pending local allocation request on fd 64.',
      'Flow allocation completed, fds (64, 65).',
    ]);
  });

  it('refuses a flow when its numbers are used up, and recovers', async () => {
    const { clock, user } = setup(20);
    user.onRequest(() => {});
    await user.register(user.hash('s'));
    const abort = new AbortController();
    const options = { qos: qosRaw, signal: abort.signal };
    const all = Array.from({ length: 20 }, () => user.allocate(user.hash('s'), options));
    const ended = Promise.allSettled(all);
    await expect(user.allocate(user.hash('s'), options)).rejects.toMatchObject({
      code: 'ENOBUFS',
      retry: true,
    });
    abort.abort();
    expect((await clock.run(ended)).every((r) => r.status === 'rejected')).toBe(true);
    user.onRequest((r) => r.accept());
    await user.allocate(user.hash('s'), { qos: qosRaw });
  });
});
