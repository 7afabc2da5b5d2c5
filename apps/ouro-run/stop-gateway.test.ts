import { describe, expect, it } from '@jest/globals';
import { PeerError, UsageError } from '#lib/core/index.ts';
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
  };
  return stopGateway(deps, { timeout: 5000, folder: '/x/gw' }).then(() => now);
}

describe('stopGateway', () => {
  it('waits until nothing of it is left', async () => {
    expect(await stopping(() => Promise.resolve({}), 60)).toBe(60);
    const gone = () => Promise.reject(new PeerError('closed', 'EIRMD'));
    expect(await stopping(gone, 0)).toBe(0);
  });

  it('says when it does not end, or may not be ended', async () => {
    await expect(stopping(() => Promise.resolve({}), 9000)).rejects.toThrow(
      /^The gateway of \/x\/gw has not ended in 5 s$/,
    );
    const refused = () => Promise.reject(new UsageError('not yours', 'EPERM'));
    await expect(stopping(refused, 0)).rejects.toThrow('not yours');
  });
});
