/**
 * An irmd that remembers what it was asked, for tests of commands: answers are prepared by method name; everything else
 * succeeds with `{}` or an empty list.
 */
import type { Irm } from '../client.ts';

export interface FakeIrm {
  readonly irm: Irm;
  /** Method and arguments, without trailing absent ones, in order. */
  readonly calls: unknown[][];
}

type Answers = { [K in keyof Irm]?: Irm[K] };

export function fakeIrm(answers: Answers = {}): FakeIrm {
  const calls: unknown[][] = [];
  const irm = new Proxy({} as Irm, {
    get(_, method: (keyof Irm & string) | 'then') {
      // Awaiting the client itself must not look like a call.
      if (method === 'then') return undefined;
      return (...args: unknown[]) => {
        calls.push([method, ...args.filter((arg) => arg !== undefined)]);
        const answer = answers[method] as ((...args: unknown[]) => unknown) | undefined;
        if (answer !== undefined) return answer(...args);
        if (method === 'close') return undefined;
        return Promise.resolve(method.startsWith('list') ? [] : {});
      };
    },
  });
  return { irm, calls };
}
