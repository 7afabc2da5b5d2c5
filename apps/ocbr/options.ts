/** ocbr's command line: the options of 2018 and of today. */
import type { Argv } from 'yargs';
import { type Output, parseCommandLine } from '#apps/common/cli.ts';
import { flag, hidden, nameToCall, value } from '#apps/common/options.ts';
import { parseCount, parseDuration, parseRate } from '#apps/common/units.ts';
import { type Millis, UsageError } from '#lib/core/index.ts';

export interface ServerOptions {
  mode: 'server';
  name: string | undefined;
  interval: Millis;
  timeout: Millis;
  json: boolean;
}

export interface ClientOptions {
  mode: 'client';
  name: string;
  duration: Millis;
  size: number;
  /** Bit/s; undefined: flood. */
  rate: number | undefined;
  json: boolean;
}

const minBytes = 8;
const maxBytes = 524_288;

const examples = `Examples:
  ocbr -l &                          start a server ...
  irm bind process $! name cbr       ... and give it a name
  ocbr -n cbr -r 10M -d 5            10 Mbit/s for 5 seconds
  ocbr -n cbr -f -s 1400             as fast as the flow takes it`;

function declare(parser: Argv) {
  return parser
    .scriptName('ocbr')
    .usage(
      'Usage: ocbr -n NAME [options]\n       ocbr -l [options]\n\nSends packets at a constant bit rate.',
    )
    .option('listen', flag('run the server', 'l'))
    .option('server-name', value('name to send to; with -l: bind this server to it', 'n'))
    .option('duration', value('how long to send, s (default: 60)', 'd'))
    .option('size', value(`bytes of a packet, ${minBytes} to ${maxBytes} (default: 1000)`, 's'))
    .option('rate', value('bit/s, with k, M or G (default: 1M)', 'r'))
    .option('flood', flag('as fast as possible', 'f'))
    .option('interval', value('server: time between two lines, s (default: 1)', 'i'))
    .option('timeout', value('server: a flow silent for this long has ended, s (default: 1)', 't'))
    .option('json', flag('results as lines of JSON'))
    .option('server_apn', hidden(value('the name in 2018', 'server_name')))
    .option('sleep', hidden(flag('nothing: it always sleeps between packets')))
    .option('spin', hidden(flag('nothing: it never spins')))
    .epilogue(examples);
}

export async function parseOptions(
  argv: readonly string[],
  io: Output,
): Promise<ServerOptions | ClientOptions | { exit: number }> {
  const parsed = await parseCommandLine(declare, argv, io);
  if ('exit' in parsed) return parsed;
  const o = parsed.options;
  const name = o['server-name'] ?? o.server_apn;
  const json = o.json === true;
  if (o.listen) {
    const interval = parseDuration(o.interval ?? '1', 's');
    const timeout = parseDuration(o.timeout ?? '1', 's');
    if (interval < 10 || timeout < 10)
      throw new UsageError('Interval and time-out are at least 10ms');
    return { mode: 'server', name, interval, timeout, json };
  }
  return {
    mode: 'client',
    name: nameToCall(name),
    duration: parseDuration(o.duration ?? '60', 's'),
    size: parseCount(o.size ?? 1000, 'Size', minBytes, maxBytes),
    rate: o.flood === true ? undefined : parseRate(o.rate ?? '1M'),
    json,
  };
}
