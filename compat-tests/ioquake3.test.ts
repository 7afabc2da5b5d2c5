/** An unmodified game server and two unmodified clients: they join, see each other, find the server by LAN scan, and draw. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { compat } from './support/compat.ts';
import { waitFor } from './support/proc.ts';
import {
  consoleLog,
  getstatus,
  quakeMissing,
  screenshot,
  startClient,
  startScreen,
  startServer,
} from './support/quake.ts';

const missing = quakeMissing();
if (missing !== undefined) test('ioquake3', { skip: missing }, () => {});
else {
  compat(
    'ioquake3: two clients play on a dedicated server',
    async (host) => {
      const server = startServer(host);
      await waitFor('the server', async () => (await getstatus(host)).includes('statusResponse'));
      const screens = [await startScreen(host), await startScreen(host)];
      screens.forEach((screen, i) => {
        startClient(host, screen, `player${i + 1}`, ['+connect', '127.0.0.1:27960']);
      });
      for (const name of ['player1', 'player2'])
        await waitFor(
          `${name} in the game`,
          () => new RegExp(`${name}[^\\n]* entered the game`).test(server.output),
          60_000,
        );
      // getstatus is rate-limited by address: at most one a second.
      const status = await waitFor('both players in getstatus', async () => {
        await new Promise((r) => setTimeout(r, 1100));
        const text = await getstatus(host);
        return text.includes('"player1"') && text.includes('"player2"') && text;
      });
      assert.match(status, /mapname\\oa_dm1/);
      const picture = await waitFor(
        'a picture of the game',
        async () => {
          const shot = await screenshot(host, screens[0]!, join(host.dir, 'shot.png'));
          return shot.colours > 1000 && shot.mean > 0.02 && shot;
        },
        20_000,
      );
      assert.ok(picture.colours > 1000);
      assert.ok(server.alive);
    },
    { ms: 150_000 },
  );

  compat(
    'ioquake3: a LAN scan finds the server',
    async (host) => {
      if (host.mode !== 'flows') host.addLan();
      startServer(host);
      await waitFor('the server', async () => (await getstatus(host)).includes('statusResponse'));
      const screen = await startScreen(host);
      startClient(host, screen, 'scout', [
        '+set',
        'developer',
        '1',
        '+set',
        'logfile',
        '2',
        '+localservers',
      ]);
      await waitFor(
        "the server's answer to the scan",
        () => /^CL packet \S+:27960: infoResponse/m.test(consoleLog(host, 'scout')),
        60_000,
      );
    },
    { ms: 120_000 },
  );
}
