/**
 * Two forms of the log: the talk's lines for people (`irmd(II): text`) and JSON for machines. Components get a
 * Logger of their own, named as in the prototype.
 */
import { type DestinationStream, pino } from 'pino';
import type { Logger } from '#lib/core/index.ts';

/** Gives a component its logger. */
export type Logs = (component: string) => Logger;

/** Names of the components whose lines the talk or the prototype shows. */
export const Component = {
  irmd: 'irmd',
  irmdIpcp: 'irmd/ipcp',
  irmdConfiguration: 'irmd/configuration',
  ipcpd: 'ipcpd/ipcp',
  ipcpdLocal: 'ipcpd-local',
  ipcpdEthLlc: 'ipcpd/eth-llc',
  ipcpdEthDix: 'ipcpd/eth-dix',
  ipcpdUdp4: 'ipcpd/udp4',
  ipcpdUdp6: 'ipcpd/udp6',
  ipcpdRaptor: 'ipcpd/raptor',
  gateway: 'gateway',
} as const;

const maxGathered = 65_536;
/** Between two writes, ms: a person sees no difference. */
const writePause = 20;

export interface TalkConfig {
  /** Puts `==pid== ` in front, zero-padded to five digits as the prototype does. */
  pid?: number;
  colour?: boolean;
}

const levels = {
  debug: { tag: 'DB', colour: '' },
  info: { tag: 'II', colour: '\x1b[32m' },
  warn: { tag: 'WW', colour: '\x1b[33m' },
  error: { tag: 'EE', colour: '\x1b[31m' },
} as const;

export interface GathererDeps {
  write(text: string): void;
  /** At the end of this turn of the event loop. */
  later(fn: () => void): void;
  /** In a while. */
  pause(fn: () => void): void;
}

/**
 * Hands lines on together, because writing wakes up whoever reads the log: those of one turn of the event loop after what else the turn has
 * to do, and those that follow soon after a pause. BOUNDED by `maxGathered` characters, which are written at once.
 */
export class LineGatherer {
  readonly #deps: GathererDeps;
  #lines = '';
  #waiting = false;

  constructor(deps: GathererDeps) {
    this.#deps = deps;
  }

  write(line: string): void {
    if (!this.#waiting) this.#deps.later(this.#round);
    this.#waiting = true;
    this.#lines += line;
    if (this.#lines.length > maxGathered) this.flush();
  }

  /** Writes what there is, as before the process ends. */
  flush(): void {
    const lines = this.#lines;
    this.#lines = '';
    if (lines !== '') this.#deps.write(lines);
  }

  readonly #round = (): void => {
    this.#waiting = this.#lines !== '';
    this.flush();
    if (this.#waiting) this.#deps.pause(this.#round);
  };
}

/** Lines as in the talk's transcripts. `write` gets one whole line with its newline. */
export function talkLogs(write: (line: string) => void, config: TalkConfig = {}): Logs {
  const pid = config.pid === undefined ? '' : `==${String(config.pid).padStart(5, '0')}== `;
  return (component) => {
    const at = (level: keyof typeof levels) => {
      const { tag, colour } = levels[level];
      const [on, off] = config.colour === true && colour !== '' ? [colour, '\x1b[0m'] : ['', ''];
      return (text: string) => write(`${on}${pid}${component}(${tag}): ${oneLine(text)}${off}\n`);
    };
    return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  };
}

/**
 * Logs of a daemon: JSON, or the talk's lines for people, gathered; what has not been written when the process ends is written then.
 */
export function processLogs(
  output: Pick<NodeJS.WriteStream, 'write'>,
  { forPeople }: { forPeople: boolean },
): Logs {
  const lines = new LineGatherer({
    write: (text) => output.write(text),
    later: setImmediate,
    pause: (fn) => setTimeout(fn, writePause).unref(),
  });
  process.on('exit', () => lines.flush());
  return forPeople ? talkLogs((line) => lines.write(line)) : jsonLogs(lines);
}

/** One logger in the talk's form. */
export function talkLogger(
  write: (line: string) => void,
  component: string,
  config: TalkConfig = {},
): Logger {
  return talkLogs(write, config)(component);
}

/** One JSON object a line: level, time, pid, component, msg. */
export function jsonLogs(destination: DestinationStream, level = 'info'): Logs {
  const root = pino({ level, base: { pid: process.pid } }, destination);
  return (component) => {
    const child = root.child({ component });
    return {
      debug: (text) => child.debug(text),
      info: (text) => child.info(text),
      warn: (text) => child.warn(text),
      error: (text) => child.error(text),
    };
  };
}

/** Names come from users: one must not be able to forge a line. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
