import { beforeEach, describe, expect, it } from '@jest/globals';
import { jsonLogs, LineGatherer, talkLogger, talkLogs } from './log.ts';

describe('talkLogs', () => {
  it('writes the lines of the talk', () => {
    const lines: string[] = [];
    const logs = talkLogs((line) => lines.push(line));
    logs('irmd').info('Created IPCP 6532.');
    logs('ipcpd-local').info('Registered 081afc84.');
    logs('irmd').debug('Process 8976 inherits name ioq3 from program ioq3ded.x86_64.');
    logs('irmd').warn('w');
    logs('irmd').error('e');
    expect(lines).toEqual([
      'irmd(II): Created IPCP 6532.\n',
      'ipcpd-local(II): Registered 081afc84.\n',
      'irmd(DB): Process 8976 inherits name ioq3 from program ioq3ded.x86_64.\n',
      'irmd(WW): w\n',
      'irmd(EE): e\n',
    ]);
  });

  it('has the pid and colours of the prototype when asked for', () => {
    const lines: string[] = [];
    const log = talkLogger((line) => lines.push(line), 'irmd', { pid: 42, colour: true });
    log.info('i');
    log.debug('d');
    expect(lines).toEqual(['\x1b[32m==00042== irmd(II): i\x1b[0m\n', '==00042== irmd(DB): d\n']);
  });

  it('keeps a hostile name from forging a line', () => {
    const lines: string[] = [];
    talkLogger((line) => lines.push(line), 'irmd').info('Bound x\nirmd(II): y\x1b[31m.');
    expect(lines).toEqual(['irmd(II): Bound x\\x0airmd(II): y\\x1b[31m.\n']);
  });
});

describe('jsonLogs', () => {
  it('writes one object a line', () => {
    const lines: string[] = [];
    jsonLogs({ write: (line) => lines.push(line) })('irmd').info('hello');
    expect(JSON.parse(lines[0]!)).toMatchObject({ component: 'irmd', msg: 'hello', level: 30 });
  });
});

describe('LineGatherer', () => {
  let written: string[];
  let later: (() => void)[];
  let pauses: (() => void)[];
  let lines: LineGatherer;
  beforeEach(() => {
    [written, later, pauses] = [[], [], []];
    lines = new LineGatherer({
      write: (text) => written.push(text),
      later: (fn) => later.push(fn),
      pause: (fn) => pauses.push(fn),
    });
  });

  it('writes the lines of a turn together, and those that follow after a pause', () => {
    lines.write('a\n');
    lines.write('b\n');
    expect([written, later.length]).toEqual([[], 1]);
    later.shift()?.();
    lines.write('c\n');
    lines.write('d\n');
    expect([written, later.length, pauses.length]).toEqual([['a\nb\n'], 0, 1]);
    pauses.shift()?.();
    expect([written, pauses.length]).toEqual([['a\nb\n', 'c\nd\n'], 1]);
    pauses.shift()?.();
    lines.write('e\n');
    expect([written.length, later.length, pauses.length]).toEqual([2, 1, 0]);
  });

  it('writes the last lines and very many at once', () => {
    lines.write('a\n');
    lines.flush();
    expect(written).toEqual(['a\n']);
    later.shift()?.();
    expect(written).toEqual(['a\n']);
    const long = 'x'.repeat(70_000);
    lines.write(long);
    expect(written).toEqual(['a\n', long]);
  });
});
