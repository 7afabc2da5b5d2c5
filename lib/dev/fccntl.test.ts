import { afterEach, describe, expect, it } from '@jest/globals';
import { qosData, qosRaw, realClock } from '#lib/core/index.ts';
import { fccntl } from './fccntl.ts';
import { type FlowPair, flowPair } from './fixtures/flow-pair.ts';
import { FlowCommand, FlowFlag, FrctFlag } from './flags.ts';

const open: FlowPair[] = [];
function flow(qos = qosRaw) {
  const pair = flowPair(realClock, { qos });
  open.push(pair);
  return pair;
}
afterEach(async () => {
  for (const { a, b } of open.splice(0)) {
    await a[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
  }
});
const c = FlowCommand;
const code = (code: string) => expect.objectContaining({ code });

describe('fccntl', () => {
  it('has the numbers of the prototype', () => {
    expect([c.FLOWGTXQLEN, c.FRCTSFLAGS, c.FRCTGFLAGS]).toEqual([9, 512, 1024]);
    expect(FlowFlag.FLOWFRNOBLOCK | FlowFlag.FLOWFRNOPART).toBe(0o11000);
  });

  it('sets time-outs, and has none at first', async () => {
    const { a } = flow();
    expect(() => fccntl(a, c.FLOWGRCVTIMEO)).toThrow(code('EPERM'));
    fccntl(a, c.FLOWSRCVTIMEO, 1);
    fccntl(a, c.FLOWSSNDTIMEO, 200);
    expect([fccntl(a, c.FLOWGRCVTIMEO), fccntl(a, c.FLOWGSNDTIMEO)]).toEqual([1, 200]);
    await expect(a.read()).rejects.toEqual(code('ETIMEDOUT'));
    fccntl(a, c.FLOWSRCVTIMEO, undefined);
    expect(() => fccntl(a, c.FLOWGRCVTIMEO)).toThrow(code('EPERM'));
    expect(() => fccntl(a, c.FLOWSSNDTIMEO, -1)).toThrow(code('EINVAL'));
  });

  it('gives QoS, flags and queue lengths', async () => {
    const { a, b } = flow(qosData);
    expect(fccntl(a, c.FLOWGQOSSPEC)).toEqual(qosData);
    expect(fccntl(a, c.FLOWGFLAGS)).toBe(0o20002);
    fccntl(a, c.FLOWSFLAGS, FlowFlag.FLOWFRDWR | FlowFlag.FLOWFRNOBLOCK);
    await expect(a.read()).rejects.toEqual(code('EAGAIN'));
    expect(() => fccntl(a, c.FLOWSFLAGS, 0o100)).toThrow(code('EINVAL'));
    await a.write(new Uint8Array(100));
    expect(fccntl(a, c.FLOWGTXQLEN)).toBeGreaterThanOrEqual(100);
    expect(fccntl(b, c.FLOWGRXQLEN)).toBe(fccntl(a, c.FLOWGTXQLEN));
    await b.read({ into: new Uint8Array(40) });
    expect(fccntl(b, c.FLOWGRXQLEN)).toBe(60);
  });

  it('keeps what FRCTSFLAGS sets, and retransmission as the QoS has it', () => {
    const { a } = flow(qosData);
    const { FRCTFRTX, FRCTFRESCNTL, FRCTFLINGER } = FrctFlag;
    expect(fccntl(a, c.FRCTGFLAGS)).toBe(FRCTFRTX | FRCTFRESCNTL | FRCTFLINGER);
    fccntl(a, c.FRCTSFLAGS, FRCTFRESCNTL);
    expect(fccntl(a, c.FRCTGFLAGS)).toBe(FRCTFRTX | FRCTFRESCNTL);
    fccntl(a, c.FRCTSFLAGS, FRCTFLINGER);
    expect(fccntl(a, c.FRCTGFLAGS)).toBe(FRCTFRTX | FRCTFLINGER);
    expect(() => fccntl(a, c.FRCTSFLAGS, 8)).toThrow(code('EINVAL'));
    expect(() => fccntl(flow().a, c.FRCTGFLAGS)).toThrow(code('EPERM'));
  });

  it('refuses unknown commands and flows that are gone', async () => {
    const { a } = flow();
    expect(() => fccntl(a, 99 as typeof c.FLOWGFLAGS)).toThrow(code('EOPNOTSUPP'));
    await a.dealloc();
    expect(() => fccntl(a, c.FLOWGFLAGS)).toThrow(code('ENOTALLOC'));
  });
});
