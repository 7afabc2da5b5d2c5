/** The talk's demonstration on every layer of the bottom: game server on one host, game client on the other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onTwoHosts } from './support/compat.ts';
import { waitFor } from './support/proc.ts';
import { quakeMissing, startClient, startScreen, startServer } from './support/quake.ts';
import { addresses, ips, irm, startIrmd } from './support/two-hosts.ts';

/** irm's words after the type and the layer, on the server's host and on the client's. */
const layers: Record<string, readonly [string, string]> = {
  'eth-llc': ['n eth if veth0', 'n eth if veth0'],
  'eth-dix': ['n eth if veth0', 'n eth if veth0'],
  raptor: ['n raptor dev veth0', 'n raptor dev veth0'],
  udp4: [`n udp ip ${ips.udp4[0]}`, `n udp ip ${ips.udp4[1]} hosts ioq3=${ips.udp4[0]}`],
  udp6: [`n udp ip ${ips.udp6[0]}`, `n udp ip ${ips.udp6[1]} hosts ioq3=${ips.udp6[0]}`],
};

const missing = quakeMissing();
for (const [type, [server, client]] of Object.entries(layers))
  if (missing !== undefined) test(`ioquake3 over ${type}`, { skip: missing }, () => {});
  else
    onTwoHosts(
      `ioquake3: the game runs over ${type}`,
      async (a, b) => {
        const overIp = type.startsWith('udp');
        if (overIp) addresses(a, b);
        const [irmd] = [await startIrmd(a), await startIrmd(b)];
        await irm(a, `i b t ${type} l below ${server}`);
        await irm(b, `i b t ${type} l below ${client}`);
        await irm(a, 'reg n ioq3 l below');
        await irm(a, 'b prog /usr/lib/ioquake3/ioq3ded n ioq3');
        const game = startServer(a);
        await waitFor('the inherited name', () =>
          /Process \d+ inherits name ioq3 from program ioq3ded/.test(irmd.output),
        );
        await waitFor('the socket', () => game.output.includes('Opening IP socket'), 20_000);
        const screen = await startScreen(b);
        startClient(b, screen, 'player1', ['+connect', 'ioq3']);
        await waitFor(
          'player1 in the game',
          () => /player1[^\n]* entered the game/.test(game.output),
          60_000,
        );
        assert.match(irmd.output, /Flow request arrived for ioq3\./);
        if (!overIp) for (const host of [a, b]) assert.deepEqual(host.inetSockets(), []);
      },
      { ms: 120_000 },
    );
