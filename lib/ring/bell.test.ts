/** Bells over real sockets: the kernel's edges are what they rely on. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { os } from '#lib/os/index.ts';
import { Bell } from './bell.ts';

const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});

/** A bell, the descriptor of its other end, and a promise for the next time that it is heard. */
function hung(verbs: Partial<typeof os> = {}) {
  const [fd, far] = os.socketpair('stream') as [number, number];
  let next: ((alive: boolean) => void) | undefined;
  const bell = new Bell({ ...os, ...verbs }, fd, (alive) => next?.(alive));
  open.push(bell);
  const heard = () =>
    new Promise<boolean>((done) => {
      next = done;
    });
  return { bell, far, heard };
}

describe('a bell', () => {
  it('is heard each time, though its bytes are read now and then only', async () => {
    let reads = 0;
    const recv: typeof os.recv = (...args) => {
      reads++;
      return os.recv(...args);
    };
    const { bell, far, heard } = hung({ recv });
    for (let i = 0; i < 1000; i++) {
      const sound = heard();
      bell.ask();
      expect(os.ring(far)).toBe(1);
      expect(await sound).toBe(true);
    }
    expect(bell.heard).toBe(1000);
    expect(reads).toBeLessThan(20);
    os.close(far);
  });

  it('is heard after its socket was full', async () => {
    const { bell, far, heard } = hung();
    for (let i = 0; i < 3; i++) {
      const full = heard();
      while (os.ring(far) === 1) bell.ask();
      expect(await full).toBe(true);
    }
    const once = heard();
    expect(os.ring(far)).toBe(1);
    expect(await once).toBe(true);
    os.close(far);
  });

  it('makes room when it was rung unasked', () => {
    const { bell, far } = hung();
    while (os.ring(far) === 1);
    bell.drain();
    expect(os.ring(far)).toBe(1);
    os.close(far);
  });

  it('tells the end, whatever is queued before it, and closes itself', async () => {
    const { bell, far, heard } = hung();
    for (let i = 0; i < 10; i++) os.ring(far);
    const end = heard();
    os.close(far);
    expect(await end).toBe(false);
    bell.ring();
    expect(bell.rung).toBe(0);
  });

  it('that nobody has read ends without an error for the other end', () => {
    const { bell, far } = hung();
    bell.ask();
    os.ring(far);
    bell.close();
    expect(os.recv(far, new Uint8Array(1), 0, 1)).toBe(0);
    os.close(far);
  });
});
