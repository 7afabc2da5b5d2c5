/** Resets cross the gateway: the same program natively, directly connected, and through the relay. */
import { join } from 'node:path';
import { onHost } from './support/compat.ts';
import { root } from './support/host.ts';

const program = [join(root, 'shim/build/tests/test_reset')];

onHost('a reset through the gateway is a reset', async (host) => {
  await host.ok(['make', '-s', '-C', join(root, 'shim'), 'tests'], { under: false }, 60_000);
  await host.ok(program, { under: false });
  await host.ok(program);
  await host.ok(program, { options: ['--no-direct'], env: { OURO_TEST_RELAY: '1' } });
});
