import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FlowEvent } from '#lib/layer/index.ts';
import { defaultFlowFlags, FlowFlag } from './flags.ts';
import { FlowState } from './flow-state.ts';

const { FLOWFDOWN, FLOWFRDONLY, FLOWFWRONLY, FLOWFRDWR } = FlowFlag;

describe('FlowState', () => {
  it('starts up, read-write, with the flags of the prototype', () => {
    const s = new FlowState('Flow 64');
    expect(s.flags).toBe(0o20002);
    expect([s.whyNoRead, s.whyNoMore, s.whyNoWrite]).toEqual([undefined, undefined, undefined]);
  });

  it('tells the other end of changes only', () => {
    const s = new FlowState('Flow 64');
    expect(s.setFlags(defaultFlowFlags | FlowFlag.FLOWFRNOBLOCK)).toBe(false);
    expect(s.setFlags(FLOWFWRONLY)).toBe(true);
    expect(s.setFlags(FLOWFWRONLY | FLOWFDOWN)).toBe(true);
    expect(s.setFlags(FLOWFWRONLY | FLOWFDOWN)).toBe(false);
  });

  it('is down while either end says so', () => {
    const s = new FlowState('Flow 64');
    const peer = { down: true, access: 0 as const };
    expect(s.setPeer(peer)).toBe(FlowEvent.down);
    expect(s.setPeer(peer)).toBeUndefined();
    s.setFlags(FLOWFRDWR | FLOWFDOWN);
    expect(s.setPeer({ ...peer, down: false })).toBe(FlowEvent.up);
    expect(s.life).toBe('down');
    expect(s.whyNoWrite).toMatchObject({ code: 'EFLOWDOWN' });
    s.setFlags(FLOWFRDWR);
    expect(s.life).toBe('up');
  });

  it('ends once', () => {
    const s = new FlowState('Flow 64');
    expect(s.end('it died')).toBe(FlowEvent.peer);
    expect(s.end()).toBeUndefined();
    expect(s.setPeer({ down: true, access: 0 })).toBeUndefined();
    s.dealloc();
    expect(s.whyNoRead).toMatchObject({ code: 'ENOTALLOC' });
  });

  it('never allows what its answers deny, for any history', () => {
    const step = fc.oneof(
      fc.record({ own: fc.constantFrom(0, 1, 2, 4, 5, 6) }),
      fc.record({ peer: fc.record({ down: fc.boolean(), access: fc.constantFrom(0, 1, 2) }) }),
      fc.record({ end: fc.constantFrom('why', undefined) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const s = new FlowState('Flow 64');
        let peer = { down: false, access: 0 };
        for (const it of steps) {
          if ('own' in it) s.setFlags(it.own);
          else if ('peer' in it) {
            s.setPeer(it.peer as Parameters<FlowState['setPeer']>[0]);
            peer = it.peer;
          } else s.end(it.end);
        }
        const mode = s.flags & FlowFlag.FLOWFACCMODE;
        const up = !s.over && (s.flags & FLOWFDOWN) === 0 && !peer.down;
        if (!s.over) expect(s.life).toBe(up ? 'up' : 'down');
        if (!s.over)
          expect(s.whyNoWrite === undefined).toBe(up && mode !== FLOWFRDONLY && peer.access !== 2);
        expect(s.whyNoRead === undefined).toBe(mode !== FLOWFWRONLY);
      }),
      { seed: 5 },
    );
  });
});
