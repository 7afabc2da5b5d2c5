import { describe, expect, it } from '@jest/globals';
import { ouroPs, type PsDeps } from './ouro-ps.ts';
import { formatBytes, type SocketRow, socketTable } from './table.ts';

const server: SocketRow = {
  pid: 7,
  program: 'nginx',
  proto: 'tcp',
  state: 'LISTEN',
  local: '0.0.0.0:80',
  names: ['web'],
};
const direct: SocketRow = {
  pid: 8,
  program: 'a-program-with-a-very-long-name',
  proto: 'tcp',
  state: 'ESTAB',
  local: '127.0.0.1:40000',
  peer: '127.0.0.1:80',
  via: 'direct',
  flow: 3,
  recvq: 12,
  sendq: 0,
};
const udp: SocketRow = {
  ...server,
  proto: 'udp',
  state: 'UNCONN',
  via: 'gateway',
  sent: 20_480,
  received: 5,
  dropped: 2,
};

function setUp(pages: SocketRow[][] | undefined, over: Partial<PsDeps> = {}) {
  const seen = { out: [] as string[], calls: [] as unknown[] };
  let turns = 0;
  const deps: PsDeps = {
    out: (text) => void seen.out.push(text),
    call: (name, params) => {
      seen.calls.push([name, params]);
      if (pages === undefined) return undefined;
      const { after } = params as { after: number };
      const items = pages[after] ?? [];
      return Promise.resolve(after + 1 < pages.length ? { items, next: after + 1 } : { items });
    },
    pause: () => Promise.resolve(void turns++),
    terminal: true,
    interrupted: () => turns >= 3,
    ...over,
  };
  return { seen, run: (json = false, watch = false) => ouroPs({ json, watch }, deps) };
}

describe('ouro-ps', () => {
  it('shows every socket in a table', () => {
    const lines = socketTable([server, direct, udp]).trimEnd().split('\n');
    expect(lines[0]).toMatch(
      /^PID +PROGRAM +PROTO +STATE +LOCAL +PEER +NAME +VIA +FLOW +RECEIVED +SENT$/,
    );
    expect(lines[1]).toMatch(/^ +7 +nginx +tcp +LISTEN +0\.0\.0\.0:80 +- +web +- +- +- +-$/);
    expect(lines[2]).toMatch(
      /a-program-with-a-ve… +tcp +ESTAB +127.0.0.1:40000 +127.0.0.1:80 +- +direct +3 +- \(12 wait\) +-$/,
    );
    expect(lines[3]).toMatch(/gateway +- +5 +20K \(2 dropped\)$/);
    expect(socketTable([{ ...server, program: 'x\x1b[2Jy' }])).not.toContain('\x1b');
  });

  it('abbreviates bytes', () => {
    expect([0, 9999, 10_000, 20 << 20, 2 ** 60].map(formatBytes)).toEqual([
      '0',
      '9999',
      '10K',
      '20M',
      '1024P',
    ]);
  });

  it('collects all pages, and prints JSON', async () => {
    const { seen, run } = setUp([[server], [direct], [udp]]);
    expect(await run(true)).toBe(0);
    expect(JSON.parse(seen.out.join(''))).toEqual([server, direct, udp]);
    expect(seen.calls).toHaveLength(3);
  });

  it('says so when there is nothing, also without a gateway', async () => {
    for (const pages of [[[]], undefined]) {
      const { seen, run } = setUp(pages);
      await run();
      expect(seen.out).toEqual(['No program has redirected sockets\n']);
    }
  });

  it('shows again until it is interrupted', async () => {
    const { seen, run } = setUp([[server]]);
    await run(false, true);
    expect(seen.out.filter((text) => text.includes('nginx'))).toHaveLength(3);
    expect(seen.out.filter((text) => text.startsWith('\x1b'))).toHaveLength(3);
  });
});
