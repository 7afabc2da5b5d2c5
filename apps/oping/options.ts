/** oping's command line: the options of 2018 and of today. */
import type { Argv } from 'yargs';
import { type Output, parseCommandLine } from '#apps/common/cli.ts';
import { flag, hidden, nameToCall, qosOf, qosOption, value } from '#apps/common/options.ts';
import { parseCount, parseDuration } from '#apps/common/units.ts';
import { MAX_U32, type Millis, type QosSpec, UsageError } from '#lib/core/index.ts';
import { headerBytes, maxBytes } from './message.ts';

export interface ServerOptions {
  mode: 'server';
  /** Bind to this name first. */
  name: string | undefined;
  verbose: boolean;
}

export interface ClientOptions {
  mode: 'client';
  name: string;
  count: number;
  duration: Millis | undefined;
  interval: Millis;
  size: number;
  qos: QosSpec;
  /** The next ping as soon as the reply is there. */
  flood: boolean;
  quiet: boolean;
  timeOfDay: boolean;
  json: boolean;
}

const maxInterval: Millis = 10_000;
const maxDuration: Millis = 366 * 86_400_000;

const examples = `Examples:
  oping -l &                                   start a server ...
  irm bind process $! name server              ... and give it a name
  oping -n server -c 4                         four pings, then statistics
  oping -n server -d 1m -i 100ms --json        for a minute, ten a second, result as JSON`;

function declare(parser: Argv) {
  return parser
    .scriptName('oping')
    .usage(
      'Usage: oping -n NAME [options]\n       oping -l [options]\n\nMeasures the round-trip time of a flow.',
    )
    .option('listen', flag('run the server', 'l'))
    .option('server-name', value('name to ping; with -l: bind this server to it', 'n'))
    .option('count', value('number of pings (default: until ^C)', 'c'))
    .option('duration', value('stop after this time: 500 (ms), 10s, 2m', 'd'))
    .option('interval', value('time between pings (default: 1s, at most 10s)', 'i'))
    .option('size', value(`bytes of a ping, ${headerBytes} to ${maxBytes} (default: 64)`, 's'))
    .option('qos', qosOption)
    .option('flood', flag('next ping as soon as a reply comes; implies -Q', 'f'))
    .option('quiet', flag('statistics only', 'Q'))
    .option('timeofday', flag('time of day before each line', 'D'))
    .option('json', flag('statistics as one line of JSON; implies -Q'))
    .option('verbose', flag('server: a line for each ping', 'v'))
    .option('server_apn', hidden(value('the name in 2018', 'server_name')))
    .option('flood-busy', hidden(flag('as -f', 'F')))
    .option('poll', hidden(flag('nothing: the server never polls')))
    .option('busy', hidden(flag('nothing: the server never polls')))
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
  if (o.listen) return { mode: 'server', name, verbose: o.verbose === true };
  const interval = parseDuration(o.interval ?? '1s');
  if (interval > maxInterval) throw new UsageError(`Interval ${o.interval} is above 10s`);
  const duration = o.duration === undefined ? undefined : parseDuration(o.duration);
  if (duration !== undefined && duration > maxDuration)
    throw new UsageError(`Duration ${o.duration} is above 366d`);
  const flood = o.flood === true || o['flood-busy'] === true;
  const json = o.json === true;
  return {
    mode: 'client',
    name: nameToCall(name),
    count:
      o.count === undefined ? Number.POSITIVE_INFINITY : parseCount(o.count, 'Count', 1, MAX_U32),
    duration,
    interval,
    size: parseCount(o.size ?? 64, 'Size', headerBytes, maxBytes),
    qos: qosOf(o.qos),
    flood,
    quiet: o.quiet === true || flood || json,
    timeOfDay: o.timeofday === true,
    json,
  };
}
