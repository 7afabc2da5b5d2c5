/**
 * The other end of tests, on any number of flows: counts the packets of a uni test and reports when
 * asked, sends those of a bi test back. An echo that finds no space holds its flow until there is
 * some. A flow that is silent for more than 1 s has ended.
 */
import { type ToolIo, toJson } from '#apps/common/cli.ts';
import type { FlowService } from '#apps/common/flow-server.ts';
import { largeZero, type Millis } from '#lib/core/index.ts';
import type { Flow, PacketVisitor } from '#lib/dev/index.ts';
import { dataId, endId, parseConfig, reportPacket, TestType } from './message.ts';

const silence: Millis = 1000;
/** Packets of one flow before the next one gets its turn. */
const batch = 256;

interface Session {
  type: TestType | undefined;
  packets: number;
  bytes: number;
  first: Millis;
  last: Millis;
  heard: Millis;
  asked: boolean;
  /** Length of the echo that found no space. */
  blocked: number;
  readonly visit: PacketVisitor;
}

export class PerfService implements FlowService<Session> {
  readonly greeting = 'Server started.';
  readonly every: Millis = 250;
  readonly #io: Pick<ToolIo, 'clock' | 'out'>;
  readonly #json: boolean;

  constructor(io: Pick<ToolIo, 'clock' | 'out'>, options: { json: boolean }) {
    this.#io = io;
    this.#json = options.json;
  }

  open(flow: Flow): Session {
    if (!this.#json) this.#io.out(`New flow ${flow.fd}.`);
    const now = this.#io.clock.now();
    const session: Session = {
      type: undefined,
      packets: largeZero,
      bytes: largeZero,
      first: now,
      last: now,
      heard: now,
      asked: false,
      blocked: 0,
      visit: (memory, offset, length) => take(flow, session, memory, offset, length),
    };
    return session;
  }

  packets(flow: Flow, session: Session): Promise<void> | undefined {
    const now = this.#io.clock.now();
    session.heard = now;
    const before = session.packets;
    if (before === 0) session.first = now;
    session.blocked = 0;
    flow.drain(session.visit, batch);
    if (session.type === TestType.bi) flow.flush();
    if (session.packets > before) session.last = this.#io.clock.now();
    if (session.asked) {
      session.asked = false;
      const { packets, bytes, first, last } = session;
      flow.tryWrite(reportPacket({ packets, bytes, time: last - first }));
    }
    return session.blocked > 0 ? flow.writable(session.blocked, { timeout: silence }) : undefined;
  }

  tick(flow: Flow, session: Session): boolean {
    if (this.#io.clock.now() - session.heard <= silence) return true;
    if (!this.#json) this.#io.out(`Test on flow ${flow.fd} timed out`);
    return false;
  }

  end(flow: Flow, session: Session): void {
    const { type, packets, bytes, first, last } = session;
    if (type === undefined) return;
    const test = type === TestType.uni ? 'uni' : 'bi';
    const time = last - first;
    const mbps = time > 0 ? (8 * bytes) / time / 1000 : 0;
    this.#io.out(
      this.#json
        ? toJson({ fd: flow.fd, test, packets, bytes, time })
        : `Flow ${flow.fd}: ${test} test, ${packets} packets (${bytes} bytes) in ${time.toFixed(3)} ms, ${mbps.toFixed(3)} Mb/s`,
    );
  }
}

function take(
  flow: Flow,
  session: Session,
  memory: Uint8Array,
  offset: number,
  length: number,
): boolean {
  if (session.type === undefined) {
    session.type = parseConfig(memory.slice(offset, offset + length));
    return true;
  }
  if (session.type === TestType.uni) {
    if (length >= 4 && dataId(memory, offset) === endId) {
      session.asked = true;
      return true;
    }
  } else if (!echo(flow, memory, offset, length)) {
    session.blocked = length;
    return false;
  }
  session.packets++;
  session.bytes += length;
  return true;
}

/** Shown to the client by the `flush` after a batch. */
function echo(flow: Flow, memory: Uint8Array, offset: number, length: number): boolean {
  const to = flow.reserve(length);
  if (to < 0) return false;
  flow.memory.set(memory.subarray(offset, offset + length), to);
  flow.commit(length);
  return true;
}
