import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SimClock } from '#lib/testkit/index.ts';
import { ANY4 } from '../addr/ip.ts';
import { Journal, readJournal } from './journal.ts';
import type { JournalRecord } from './records.ts';
import { Runs } from './runs.ts';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'journal-'));
  path = join(dir, 'journal');
});
afterEach(() => rmSync(dir, { recursive: true }));

const run = (id: number): JournalRecord => ({
  t: 'run',
  run: {
    id,
    names: ['n'],
    rules: [{ where: '-r 1', text: 'pass' }],
    program: '/bin/x',
    direct: true,
  },
});
const endpoint: JournalRecord = {
  t: 'endpoint',
  endpoint: {
    ino: 5,
    protocol: 'udp',
    family: 4,
    uid: 0,
    run: 1,
    pid: 7,
    ip: ANY4,
    port: 80,
    v6only: false,
    reuseAddr: false,
    reusePort: true,
    fixedIp: false,
    fixedPort: true,
    listening: false,
    backlog: 0,
    peer: { ip: ANY4, port: 9 },
  },
};

describe('Journal', () => {
  it('gives back what was appended, in order', () => {
    const records = [run(1), endpoint, { t: 'endpoint-gone', ino: 5 } as const];
    const journal = new Journal({ snapshot: () => [] }, { path });
    for (const record of records) journal.append(record);
    journal.close();
    expect(readJournal(path)).toEqual(records);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('starts with the live state, not with what was there', () => {
    appendFileSync(path, `${JSON.stringify(run(1))}\n`);
    new Journal({ snapshot: () => [run(2)] }, { path }).close();
    expect(readJournal(path)).toEqual([run(2)]);
  });

  it('leaves out damage: a line cut short, garbage, records that make no sense', () => {
    const whole = JSON.stringify(run(3));
    appendFileSync(
      path,
      `garbage\n{"t":"run"}\n{"t":"endpoint-gone","ino":-1}\n${whole}\n${whole.slice(0, 20)}`,
    );
    expect(readJournal(path)).toEqual([run(3)]);
    expect(readJournal(join(dir, 'none'))).toEqual([]);
  });

  it('is rewritten from the live state when it grows, and never loses a record', () => {
    let live: JournalRecord[] = [];
    const journal = new Journal({ snapshot: () => live }, { path, maxBytes: 2000 });
    for (let id = 1; id <= 200; id++) {
      live = [run(id)];
      journal.append(run(id));
    }
    journal.close();
    expect(readFileSync(path).length).toBeLessThan(2500);
    expect(readJournal(path).at(-1)).toEqual(run(200));
  });

  it('is not rewritten for each record when the live state alone is large', () => {
    const live = Array.from({ length: 100 }, (_, i) => run(i + 1));
    let snapshots = 0;
    const snapshot = () => {
      snapshots++;
      return live;
    };
    const journal = new Journal({ snapshot }, { path, maxBytes: 1000 });
    for (let i = 0; i < 50; i++) journal.append(endpoint);
    journal.close();
    expect(snapshots).toBeLessThan(5);
  });
});

describe('Runs', () => {
  const record = {
    names: ['a'],
    rules: [{ where: 'x', text: 'tcp,pass' }],
    program: '/bin/x',
    direct: true,
  };

  it('live while processes of theirs do, and for a while before the first', async () => {
    const clock = new SimClock();
    const runs = new Runs({ clock });
    const [one, two] = [runs.create(record), runs.create(record)];
    expect(two.id).toBe(one.id + 1);
    expect(one.rules).toHaveLength(1);
    await clock.advance(20_000);
    expect(runs.expire(new Set([two.id]))).toEqual([]);
    await clock.advance(20_000);
    expect(runs.expire(new Set([two.id]))).toEqual([one]);
    expect(runs.get(one.id)).toBeUndefined();
    expect(runs.get(two.id)).toBe(two);
  });

  it('never give a restored id out again, and are bounded', async () => {
    const clock = new SimClock();
    const runs = new Runs({ clock }, { max: 2 });
    runs.restore({ ...record, id: 41 });
    expect(runs.create(record).id).toBe(42);
    expect(() => runs.create(record)).toThrow(/More than 2 runs/);
    expect(runs.full).toBe(true);
    expect(runs.expire(new Set())).toEqual([]);
    await clock.advance(1001);
    // Many programs that are started one after the other soon have none left over.
    expect(runs.expire(new Set([42])).map((run) => run.id)).toEqual([41]);
    expect(runs.create(record).id).toBe(43);
  });
});
