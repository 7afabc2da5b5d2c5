import { describe, expect, it } from '@jest/globals';
import { soon, turn } from './turn.ts';

const calls: string[] = [];
const call = (text: string) => () => void calls.push(text);
const taken = () => calls.splice(0);

describe('a turn', () => {
  it('ends with what was wanted soon, in order, and with what that wanted', () => {
    turn(
      (a, b) => {
        soon(() => {
          calls.push('first');
          soon(call('third'));
        });
        soon(call('second'));
        calls.push(`${a} ${b}`);
      },
      1,
      2,
    );
    expect(taken()).toEqual(['1 2', 'first', 'second', 'third']);
  });

  it('inside of another one ends with that', () => {
    turn(
      () => {
        turn(() => soon(call('soon')), 0, 0);
        calls.push('inner ended');
      },
      0,
      0,
    );
    expect(taken()).toEqual(['inner ended', 'soon']);
  });

  it('that fails does what was wanted, and leaves nothing behind', async () => {
    const fail = () => {
      throw new Error('failed');
    };
    expect(() =>
      turn(
        () => {
          soon(call('before'));
          soon(fail);
          soon(call('after'));
          fail();
        },
        0,
        0,
      ),
    ).toThrow('failed');
    expect(taken()).toEqual(['before']);
    await null;
    expect(taken()).toEqual(['after']);
    turn(() => {}, 0, 0);
    expect(taken()).toEqual([]);
  });
});

it('outside of a turn, soon is a microtask', async () => {
  soon(call('soon'));
  expect(taken()).toEqual([]);
  await null;
  expect(taken()).toEqual(['soon']);
});
