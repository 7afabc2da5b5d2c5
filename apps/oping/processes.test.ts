/**
 * oping as the processes that users start (from dist/, so `npm run build` first), on a real irmd.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RealIrmd, startIrmd } from '#irmd/testing/real-irmd.ts';

const main = fileURLToPath(new URL('../../dist/apps/oping/main.js', import.meta.url));
const whenBuilt = existsSync(main) ? it : it.skip;

interface Running {
  child: ChildProcess;
  text: { out: string; err: string };
  exited: Promise<unknown>;
}

let real: RealIrmd;
const children: Running[] = [];
beforeEach(() => {
  real = startIrmd();
});
afterEach(async () => {
  for (const { child, exited } of children.splice(0)) {
    child.kill('SIGKILL');
    await exited;
  }
  await real.close();
});

function oping(...args: string[]): Running {
  const child = spawn(process.execPath, ['--no-warnings', main, ...args], {
    env: { ...process.env, OUROBOROS_DIR: real.dir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { out: '', err: '' };
  child.stdout?.on('data', (chunk) => {
    text.out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    text.err += chunk;
  });
  const running = { child, text, exited: once(child, 'close') };
  children.push(running);
  return running;
}

async function says({ child, text }: Running, pattern: RegExp): Promise<void> {
  while (!pattern.test(text.out)) await once(child.stdout!, 'data');
}

/** A server that is bound to the name "server", as in the talk. */
async function server(): Promise<Running> {
  const running = oping('-l');
  await says(running, /Ouroboros ping server started\.\n/);
  const irm = real.irm();
  await irm.bindProcess(running.child.pid!, 'server');
  irm.close();
  return running;
}

describe('oping between two processes', () => {
  whenBuilt('prints the statistics at ^C, and the server goes on', async () => {
    const listening = await server();
    for (const fd of [64, 64]) {
      const client = oping('-n', 'server', '-i', '20');
      await says(client, /seq=3 /);
      client.child.kill('SIGINT');
      await client.exited;
      expect(client.child.exitCode).toBe(0);
      expect(client.text.err).toBe('');
      expect(client.text.out).toMatch(
        /^Pinging server with 64 bytes of data:\n\n64 bytes from server: seq=0 time=\d+\.\d{3} ms\n/,
      );
      expect(client.text.out).toMatch(
        /\n\n--- server ping statistics ---\n\d+ SDUs transmitted, \d+ received, [\d.]+% packet loss, time: [\d.]+ ms\nrtt min\/avg\/max\/mdev = [\d./]+ ms\n$/,
      );
      await says(listening, new RegExp(`New flow ${fd}\\.\\nFlow ${fd} timed out\\.\\n$`));
    }
    listening.child.kill('SIGINT');
    await listening.exited;
    expect(listening.child.exitCode).toBe(0);
  });

  whenBuilt('each notices when the other is killed', async () => {
    const listening = await server();
    const first = oping('-n', 'server', '-i', '20');
    await says(first, /seq=0 /);
    first.child.kill('SIGKILL');
    await says(listening, /Flow 64 timed out\./);
    const second = oping('-n', 'server', '-i', '20');
    await says(second, /seq=0 /);
    listening.child.kill('SIGKILL');
    await second.exited;
    expect(second.text.out).toMatch(/\nThe server is gone\.\n\n--- server ping statistics ---/);
    expect(second.child.exitCode).toBe(0);
  });

  whenBuilt('says what to do when there is no irmd', async () => {
    await real.irmd.shutdown();
    const client = oping('-n', 'server');
    await client.exited;
    expect(client.child.exitCode).toBe(1);
    expect(client.text.err).toMatch(
      /^oping: Failed to allocate flow: -1002\.\noping: No irmd answers \(.*\)\. Start one with `irmd --stdout`/,
    );
  });
});
