import { describe, expect, it } from '@jest/globals';
import { PeerError, TimeoutError, UsageError } from '#lib/core/index.ts';
import { stopGateway } from './stop-gateway.ts';

function stopping(stop: () => Promise<unknown>, gone: number) {
  let now = 0;
  const deps = {
    now: () => now,
    pause: (ms: number) => {
      now += ms;
      return Promise.resolve();
    },
    stop,
    left: () => now < gone,
    kill: () => [12, 13],
  };
  return stopGateway(deps, { timeout: 5000, folder: '/x/gw' }).then((killed) => [now, ...killed]);
}

describe('stopGateway', () => {
  it('waits until nothing of it is left', async () => {
    expect(await stopping(() => Promise.resolve({}), 60)).toEqual([60]);
    const gone = () => Promise.reject(new PeerError('closed', 'EIRMD'));
    expect(await stopping(gone, 0)).toEqual([0]);
  });

  it('kills one that does not answer', async () => {
    const stuck = () => Promise.reject(new TimeoutError('no answer'));
    expect(await stopping(stuck, 9000)).toEqual([0, 12, 13]);
  });

  it('says when it does not end, or may not be ended', async () => {
    await expect(stopping(() => Promise.resolve({}), 9000)).rejects.toThrow(
      /^The gateway of \/x\/gw has not ended in 5 s$/,
    );
    const refused = () => Promise.reject(new UsageError('not yours', 'EPERM'));
    await expect(stopping(refused, 0)).rejects.toThrow('not yours');
  });
});
