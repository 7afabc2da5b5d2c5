/** Runs command lines of irm in a test, with prepared answers of irmd. */
import type { Irm } from '../client.ts';
import { type Deps, run } from '../run.ts';
import { fakeIrm } from './fake-irm.ts';

export interface Outcome {
  readonly status: number;
  readonly out: string;
  readonly err: string;
  /** What irmd was asked, but for lists and the end of the connection. */
  readonly asked: unknown[][];
  readonly calls: unknown[][];
}

export async function irm(
  line: string | readonly string[],
  answers: Parameters<typeof fakeIrm>[0] = {},
  deps: Partial<Deps> = {},
): Promise<Outcome> {
  const fake = fakeIrm(answers);
  let out = '';
  let err = '';
  const words = typeof line === 'string' ? line.split(' ').slice(1) : line;
  const status = await run(words, {
    connect: (): Promise<Irm> => Promise.resolve(fake.irm),
    devices: () => ['lo', 'eth0'],
    cwd: '/home/user',
    version: '1.2.3',
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    ...deps,
  });
  const { calls } = fake;
  const asked = calls.filter(
    ([method]) => method !== 'close' && !String(method).startsWith('list'),
  );
  return { status, out, err, asked, calls };
}
