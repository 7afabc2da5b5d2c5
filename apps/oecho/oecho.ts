/**
 * oecho: the talk's echo application. The client sends one message, the server says it aloud and
 * sends it back. The message ends with a NUL, as C programs have it (semantics 5.2).
 */
import type { Argv } from 'yargs';
import {
  allocationFailed,
  type Output,
  parseCommandLine,
  reporting,
  type ToolIo,
  toJson,
} from '#apps/common/cli.ts';
import { flag, value } from '#apps/common/options.ts';
import { type Millis, OuroError } from '#lib/core/index.ts';
import type { Flow } from '#lib/dev/index.ts';

const defaultName = 'oecho';
const greeting = 'Client says hi!';
/** Longest message that the prototype reads. */
const bufferBytes = 256;
/** A peer that says nothing for this long is given up. */
const patience: Millis = 10_000;

const examples = `Examples:
  oecho -l &                     start a server ...
  irm bind process $! name oecho ... and give it its name
  oecho                          Server replied with Client says hi!`;

interface Options {
  listen: boolean;
  name: string | undefined;
  message: string;
  json: boolean;
}

function declare(parser: Argv) {
  return parser
    .scriptName('oecho')
    .usage(
      'Usage: oecho [options]\n       oecho -l [options]\n\nSends a message and prints the reply.',
    )
    .option('listen', flag('run the server', 'l'))
    .option(
      'server-name',
      value(`name to talk to (default: ${defaultName}); with -l: bind this server to it`, 'n'),
    )
    .option('message', value(`what to say (default: "${greeting}")`, 'm'))
    .option('json', flag('the reply as one line of JSON'))
    .epilogue(examples);
}

async function parseOptions(
  argv: readonly string[],
  io: Output,
): Promise<Options | { exit: number }> {
  const parsed = await parseCommandLine(declare, argv, io);
  if ('exit' in parsed) return parsed;
  const { listen, message = greeting, json } = parsed.options;
  const name = parsed.options['server-name'];
  return { listen: listen === true, name, message, json: json === true };
}

export function oecho(argv: readonly string[], io: ToolIo): Promise<number> {
  return reporting(io, async () => {
    const options = await parseOptions(argv, io);
    if ('exit' in options) return options.exit;
    return options.listen ? serve(io, options) : talk(io, options);
  });
}

async function talk(io: ToolIo, options: Options): Promise<number> {
  const name = options.name ?? defaultName;
  let flow: Flow;
  try {
    flow = await io.dev.flowAlloc(name, { signal: io.interrupt });
  } catch (error) {
    return allocationFailed(io, name, error);
  }
  try {
    const limits = { timeout: patience, signal: io.interrupt };
    await flow.write(Buffer.from(`${options.message}\0`), limits);
    const reply = textOf(await flow.read(limits));
    io.out(options.json ? toJson({ name, reply }) : `Server replied with ${reply}`);
    return 0;
  } finally {
    await flow.dealloc();
  }
}

async function serve(io: ToolIo, options: Options): Promise<number> {
  await io.dev.connect();
  if (options.name !== undefined) await io.bind(options.name);
  io.out('Starting the server.');
  /** BOUNDED by the flows of a process: `incoming` holds back beyond. */
  const open = new Set<Promise<void>>();
  for await (const flow of io.dev.incoming({ signal: io.interrupt })) {
    io.out('New flow.');
    const served = answer(io, flow).finally(() => open.delete(served));
    open.add(served);
  }
  await Promise.all(open);
  return 0;
}

/** One message, as in the talk; a client that sends none does not hold up the others. */
async function answer(io: ToolIo, flow: Flow): Promise<void> {
  const limits = { timeout: patience, signal: io.interrupt };
  try {
    const message = await flow.read({ ...limits, into: new Uint8Array(bufferBytes) });
    io.out(`Message from client is ${textOf(message)}.`);
    await flow.write(message, limits);
  } catch (error) {
    if (!(error instanceof OuroError)) throw error;
    if (!io.interrupt.aborted) io.out(`Failed to serve flow ${flow.fd}: ${error.message}.`);
  } finally {
    await flow.dealloc();
  }
}

/** Up to the NUL, like printf. */
function textOf(message: Uint8Array): string {
  const end = message.indexOf(0);
  return Buffer.from(end < 0 ? message : message.subarray(0, end)).toString();
}
