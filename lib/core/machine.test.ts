import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InternalError } from './errors.ts';
import { defineMachine } from './machine.ts';

const door = defineMachine({
  name: 'door',
  initial: 'closed',
  states: {
    closed: { to: ['open', 'locked'] },
    open: { to: ['closed', 'broken'] },
    locked: { to: ['closed', 'broken'] },
    broken: { to: [], final: true, failure: true },
  },
});
type Door = keyof typeof door.states;
const all = Object.keys(door.states) as Door[];

describe('defineMachine', () => {
  it('walks allowed moves, traces them, and knows its end', () => {
    const trace: string[] = [];
    const m = door.start({
      trace: ({ machine, from, to }) => trace.push(`${machine} ${from}>${to}`),
    });
    expect([m.state, m.ended, m.failed, m.can('open'), m.can('broken')]).toEqual([
      'closed',
      false,
      false,
      true,
      false,
    ]);
    m.move('open');
    m.move('broken');
    expect([m.is('open', 'broken'), m.ended, m.failed]).toEqual([true, true, true]);
    expect(trace).toEqual(['door closed>open', 'door open>broken']);
  });

  it('refuses a move that is not in the table and stays where it was', () => {
    const m = door.start();
    expect(() => m.move('broken')).toThrow('Machine door cannot go from closed to broken');
    expect(m.state).toBe('closed');
  });

  it('holds its table on every random walk', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...all), { maxLength: 50 }), (walk) => {
        const m = door.start();
        for (const to of walk) {
          const from = m.state;
          const allowed = door.states[from].to.includes(to);
          expect(m.can(to)).toBe(allowed);
          if (allowed) m.move(to);
          else expect(() => m.move(to)).toThrow(InternalError);
          expect(m.state).toBe(allowed ? to : from);
          expect(m.ended).toBe(door.states[m.state].to.length === 0);
        }
      }),
      { seed: 1 },
    );
  });

  it('reports a broken invariant as our bug', () => {
    let guests = 0;
    const m = door.start({ invariant: (state) => state !== 'locked' || guests === 0 });
    m.move('locked');
    m.move('closed');
    guests = 1;
    expect(() => m.move('locked')).toThrow(
      'Machine door broke its invariant going from closed to locked',
    );
  });

  it('refuses a table that is drawn wrongly', () => {
    const table = (states: Record<string, { to: string[]; final?: true }>) => () =>
      defineMachine({ name: 't', initial: 'a', states });
    expect(table({ a: { to: ['b'] } })).toThrow('Machine t has no state b');
    expect(table({ a: { to: [] } })).toThrow('Machine t: a must be final or lead somewhere');
    expect(table({ a: { to: ['a'], final: true } })).toThrow('must be final or lead somewhere');
    expect(table({ a: { to: [], final: true }, b: { to: ['a'] } })).toThrow('never reaches b');
  });
});
