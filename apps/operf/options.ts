/** operf's command line. */
import type { Argv } from 'yargs';
import { type Output, parseCommandLine } from '#apps/common/cli.ts';
import { flag, hidden, nameToCall, qosOf, qosOption, value } from '#apps/common/options.ts';
import { parseCount, parseDuration, parseRate } from '#apps/common/units.ts';
import type { Millis, QosSpec } from '#lib/core/index.ts';
import { maxBytes, minBytes } from './message.ts';

export interface ServerOptions {
  mode: 'server';
  name: string | undefined;
  json: boolean;
}

/** `rtt`: as bi, one packet at a time. */
export type Test = 'uni' | 'bi' | 'rtt';

export interface ClientOptions {
  mode: 'client';
  name: string;
  test: Test;
  duration: Millis;
  size: number;
  /** Bit/s; undefined: flood. */
  rate: number | undefined;
  qos: QosSpec;
  json: boolean;
}

const examples = `Examples:
  operf -l &                          start a server ...
  irm bind process $! name perf       ... and give it a name
  operf -n perf -f -s 1400 -d 3s      throughput one way, as fast as the flow takes it
  operf -n perf -t bi -r 100M         both ways at 100 Mbit/s
  operf -n perf -t rtt -d 5s --json   round-trip times, one packet at a time`;

function declare(parser: Argv) {
  return parser
    .scriptName('operf')
    .usage(
      'Usage: operf -n NAME [options]\n       operf -l [options]\n\nMeasures throughput and round-trip times of a flow.',
    )
    .option('listen', flag('run the server', 'l'))
    .option('server-name', value('name to test; with -l: bind this server to it', 'n'))
    .option('test', {
      ...value('uni (default): one way; bi: echoed; rtt: one packet at a time', 't'),
      choices: ['uni', 'bi', 'rtt'],
    })
    .option('duration', value('how long: 500 (ms), 10s, 1m (default: 60s)', 'd'))
    .option('size', value(`bytes of a packet, ${minBytes} to ${maxBytes} (default: 1500)`, 's'))
    .option('rate', value('kbit/s, or with k, M or G (default: 1M)', 'r'))
    .option('flood', flag('as fast as possible', 'f'))
    .option('qos', qosOption)
    .option('json', flag('result as one line of JSON'))
    .option('server_name', hidden(value('as -n', 'server_apn')))
    .option('sleep', hidden(flag('nothing: it always sleeps between packets')))
    .epilogue(examples);
}

export async function parseOptions(
  argv: readonly string[],
  io: Output,
): Promise<ServerOptions | ClientOptions | { exit: number }> {
  const parsed = await parseCommandLine(declare, argv, io);
  if ('exit' in parsed) return parsed;
  const o = parsed.options;
  const name = o['server-name'] ?? o.server_name;
  const json = o.json === true;
  if (o.listen) return { mode: 'server', name, json };
  return {
    mode: 'client',
    name: nameToCall(name),
    test: (o.test ?? 'uni') as Test,
    duration: parseDuration(o.duration ?? '60s'),
    size: parseCount(o.size ?? 1500, 'Size', minBytes, maxBytes),
    rate: o.flood === true ? undefined : parseRate(o.rate ?? '1M', 1000),
    qos: qosOf(o.qos),
    json,
  };
}
