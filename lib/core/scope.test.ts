import { describe, expect, it } from '@jest/globals';
import { UsageError } from './errors.ts';
import { Scope } from './scope.ts';

describe('Scope', () => {
  it('releases in reverse order and once', async () => {
    const order: string[] = [];
    const scope = new Scope();
    expect(scope.add('a', (x) => void order.push(x))).toBe('a');
    scope.defer(async () => void order.push('b'));
    scope.defer(() => void order.push('c'));
    await scope.close();
    await scope.close();
    expect(order).toEqual(['c', 'b', 'a']);
  });

  it('runs every step when some fail, and says what failed', async () => {
    const order: string[] = [];
    const scope = new Scope();
    scope.defer(() => void order.push('last'));
    scope.defer(() => {
      throw new UsageError('Step failed');
    });
    await expect(scope.close()).rejects.toThrow('Step failed');
    expect(order).toEqual(['last']);

    const many = new Scope();
    for (const text of ['One', 'Two'])
      many.defer(async () => {
        throw new UsageError(text);
      });
    const error = await many.close().catch((e: Error) => e);
    expect(error).toMatchObject({ message: 'Clean-up failed in 2 steps' });
    expect((error as Error).cause).toMatchObject([{ message: 'Two' }, { message: 'One' }]);
  });

  it('releases at once what is deferred after its end', async () => {
    const scope = new Scope();
    await scope.close();
    let released = false;
    scope.defer(() => {
      released = true;
    });
    expect(released).toBe(true);
  });
});
