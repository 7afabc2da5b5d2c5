/**
 * Plays a captured conversation between a host of ours and a C host again, with a layer of today in the place of ours: what the C host
 * said is said to it, what ours said it must say, byte for byte but for the numbers that it chooses itself.
 */
import { toHex } from '#lib/core/index.ts';
import type { Flow, FlowRequest, Layer } from '#lib/layer/index.ts';
import type { SimClock } from '#lib/testkit/index.ts';
import type { ManagementMessage } from '#lib/wire/index.ts';

/** One captured frame, or one that the layer has said. */
export interface Line {
  readonly ours: boolean;
  /** The frame itself, with what our side chooses at random blotted out. */
  readonly text: string;
  readonly frame: Uint8Array;
  /** Undefined: a packet, or nonsense. */
  readonly message: ManagementMessage | undefined;
  /** A packet's destination; -1: nonsense. */
  readonly to: number;
  readonly payload: Uint8Array;
}

export interface Stage {
  readonly clock: SimClock;
  readonly layer: Layer;
  /** What the layer has said since it was last asked. */
  said(): Line[];
  /** The C host says `line`; `to` is the number of the endpoint that it means. */
  hear(line: Line, to: number): void;
}

export interface Performance {
  /** Allocations and requests that became flows. */
  allocated: number;
  accepted: number;
  /** Requests that the C host did not answer, or answered to nobody. */
  unanswered: number;
  /** Packets of the C host that were not read: lost on the way to a program. */
  unread: number;
}

/** Longer than an answer to a C node's query is held back. */
const courtesy = 2;

export async function perform(stage: Stage, script: readonly Line[]): Promise<Performance> {
  const { clock, layer } = stage;
  /** Our numbers in the capture → those of the layer. BOUNDED by the capture, as all here. */
  const numbers = new Map<number, number>();
  const requests = new Map<number, FlowRequest>();
  /** By the C host's number, which it uses again and again: the last one. */
  const flows = new Map<number, Flow>();
  const all: Flow[] = [];
  const asked = new Set<string>();
  const played: Performance = { allocated: 0, accepted: 0, unanswered: 0, unread: 0 };
  const ours: Line[] = [];

  layer.onRequest((request) => requests.set(lastSource, request));
  let lastSource = 0;
  const names = new Set(
    script.flatMap(({ ours: mine, message }) =>
      !mine && message?.kind === 'flow-request' ? [toHex(message.hash)] : [],
    ),
  );
  for (const name of names) await layer.register(new Uint8Array(Buffer.from(name, 'hex')));

  const ask = (from: number, hash: Uint8Array) => {
    const later = script.slice(from).find(({ ours: mine, message }) => {
      return mine && message?.kind === 'flow-request' && toHex(message.hash) === toHex(hash);
    })?.message;
    if (later?.kind !== 'flow-request') return false;
    asked.add(toHex(hash));
    played.unanswered++;
    const { qos, data } = later;
    layer.allocate(later.hash, { qos, data, timeout: 600_000 }).then(
      ({ flow }) => {
        played.allocated++;
        played.unanswered--;
        all.push(flow);
      },
      () => {},
    );
    return true;
  };

  for (const [i, line] of script.entries()) {
    const { message } = line;
    if (!line.ours) {
      let to = line.to;
      if (message?.kind === 'flow-reply') to = message.destination;
      if (message?.kind === 'flow-request') lastSource = message.source;
      if (message === undefined && to > 0) played.unread++;
      stage.hear(line, numbers.get(to) ?? to);
      await clock.settle();
      if (message?.kind === 'flow-reply' && all.length > 0 && numbers.has(to))
        flows.set(message.source, all.at(-1)!);
      continue;
    }
    if (message === undefined) flows.get(line.to)!.write(line.payload);
    else if (message.kind === 'name-query' || message.kind === 'flow-request') {
      const name = toHex(message.hash);
      // The last name of the capture is one that nobody has.
      if (!asked.has(name) && !ask(i, message.hash)) break;
      if (message.kind === 'flow-request') asked.delete(name);
    } else if (message.kind === 'flow-reply') {
      const request = requests.get(message.destination)!;
      const flow = request.accept(message.data);
      played.accepted++;
      all.push(flow);
      flows.set(message.destination, flow);
    }
    if (message?.kind === 'name-reply') await clock.advance(courtesy);
    await clock.settle();
    ours.push(...stage.said());
    const next = ours.shift();
    if (next?.text !== line.text)
      throw new RangeError(`Line ${i}: said ${next?.text ?? 'nothing'}, not ${line.text}`);
    if (message !== undefined && 'source' in message && next.message && 'source' in next.message)
      numbers.set(message.source, next.message.source);
  }
  ours.push(...stage.said());
  if (ours.length > 0) throw new RangeError(`Said too much: ${ours[0]!.text}`);
  for (const flow of all) {
    while (flow.read() !== undefined) played.unread--;
    flow.dealloc();
  }
  await clock.advance(60_000);
  return played;
}
