import { expect, it } from '@jest/globals';
import { SimClock } from '#lib/testkit/index.ts';
import { Path, type Traveller } from './path.ts';

/** Room for ten packets of 1,000 bytes. */
const limit = 10 * (768 + 2 * 1000);

function setup() {
  const clock = new SimClock();
  const path = new Path({ clock }, limit);
  const said: string[] = [];
  const flow = (name: string): Traveller => ({
    probe: () => said.push(`${name} asks`),
    writable: () => said.push(`${name} may`),
  });
  /** As many as go, how many. */
  const fill = (one: Traveller, most = 100): number => {
    let sent = 0;
    for (; sent < most && path.admits(one); sent++) path.sent(one, 1000);
    return sent;
  };
  return { clock, path, said, flow, fill };
}

it('one answer tells about the packets of all flows that left before the question', () => {
  const { path, said, flow, fill } = setup();
  const [a, b] = [flow('a'), flow('b')];
  expect(fill(a, 2)).toBe(2);
  expect(fill(b, 1)).toBe(1);
  // The fourth part of the limit: from here on it is asked.
  expect(said).toEqual(['b asks']);
  expect(fill(a)).toBe(8);
  path.answered(a);
  expect(fill(a)).toBe(0);
  path.answered(b);
  expect(said).toEqual(['b asks', 'a may']);
  expect(fill(a)).toBe(3);
});

it('who has little to say does not wait for who has much', () => {
  const { fill, flow } = setup();
  const busy = flow('busy');
  expect(fill(busy)).toBe(11);
  const quiet = flow('quiet');
  expect(fill(quiet)).toBe(1);
  expect(fill(quiet)).toBe(0);
});

it('a question that is lost is asked again, and one of a flow that ends is asked by another', async () => {
  const { clock, path, said, flow, fill } = setup();
  const [a, b] = [flow('a'), flow('b')];
  fill(a);
  fill(b);
  await clock.advance(20);
  expect(said).toEqual(['a asks', 'a asks']);
  path.left(a);
  expect(said.at(-1)).toBe('b asks');
  path.answered(b);
  expect(said.at(-1)).toBe('b may');
  path.left(b);
  await clock.advance(10_000);
  expect(said.length).toBe(4);
});
