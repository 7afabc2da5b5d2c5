/** A process that declines a request (EAGAIN) leaves it to the next one that accepts for the name. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { os } from '#lib/os/index.ts';
import type { CallResult, RpcPeer } from '#lib/rpc/index.ts';
import { type RealIrmd, startIrmd } from './testing/real-irmd.ts';

const EAGAIN = 11;

let irmd: RealIrmd;
let servers: ChildProcess[];
/** Accepts on behalf of both servers, as a gateway does. */
let gateway: RpcPeer;
let accepts: Promise<CallResult>[];
beforeEach(async () => {
  irmd = startIrmd();
  gateway = irmd.client();
  await gateway.call('create_name', { name: 'name', lb: 'round-robin' });
  servers = [spawn('cat'), spawn('cat')];
  accepts = [];
  for (const { pid } of servers) {
    await gateway.call('announce', { pid, program: 'cat' });
    await gateway.call('bind_process', { pid, name: 'name' });
    accepts.push(gateway.call('flow_accept', { pid, deferred: true }));
  }
});
afterEach(async () => {
  for (const server of servers) {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  await Promise.allSettled(accepts);
  gateway.close();
  await irmd.close();
});

/** Answers the request that server `i` has been shown. */
async function answer(i: number, response: number): Promise<CallResult | undefined> {
  const shown = await accepts[i];
  return gateway.call('flow_respond', { flow: shown?.result.flow, response });
}

describe('a request that is declined', () => {
  it('goes to the next process', async () => {
    const client = irmd.client();
    await client.call('announce', { program: 'client' });
    const flow = client.call('flow_alloc', { dst: 'name', timeout: 5000 });
    expect((await answer(0, EAGAIN))?.result).toEqual({});
    const accepted = await answer(1, 0);
    const allocated = await flow;
    expect(allocated.fds).toHaveLength(2);
    const owners = (await irmd.irm().listFlows()).map((row) => row.pid);
    expect(new Set(owners)).toEqual(new Set([process.pid, servers[1]?.pid]));
    for (const fd of [...allocated.fds, ...(accepted?.fds ?? [])]) os.close(fd);
    client.close();
  });

  it('is refused when everybody declines, and leaves nothing', async () => {
    const client = irmd.client();
    await client.call('announce', { program: 'client' });
    const flow = client.call('flow_alloc', { dst: 'name', timeout: 5000 });
    const refused = expect(flow).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await answer(0, EAGAIN);
    await answer(1, EAGAIN);
    await refused;
    expect(await irmd.irm().listFlows()).toEqual([]);
    client.close();
  });
});
