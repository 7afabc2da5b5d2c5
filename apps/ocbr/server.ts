/**
 * Counts what arrives on each flow and says so at each interval; a flow that is silent for the
 * time-out has ended.
 */
import { type ToolIo, toJson } from '#apps/common/cli.ts';
import type { FlowService } from '#apps/common/flow-server.ts';
import type { Millis } from '#lib/core/index.ts';
import type { Flow, PacketVisitor } from '#lib/dev/index.ts';
import type { ServerOptions } from './options.ts';
import { flowLine } from './text.ts';

/** Packets counted on one flow before the next one gets its turn. */
const batch = 256;

interface Session {
  packets: number;
  bytes: number;
  /** Start of the interval that is counted now. */
  since: Millis;
  heard: Millis;
  readonly count: PacketVisitor;
}

export class CbrService implements FlowService<Session> {
  readonly greeting: string;
  readonly every: Millis;
  readonly #io: Pick<ToolIo, 'clock' | 'out'>;
  readonly #options: ServerOptions;

  constructor(io: Pick<ToolIo, 'clock' | 'out'>, options: ServerOptions) {
    const { interval, timeout } = options;
    this.#io = io;
    this.#options = options;
    this.every = Math.min(interval, timeout);
    this.greeting = `Server started, interval is ${interval / 1000} s, timeout is ${timeout / 1000} s.`;
  }

  open(_flow: Flow): Session {
    this.#io.out('New flow.');
    const now = this.#io.clock.now();
    const session: Session = {
      packets: 0,
      bytes: 0,
      since: now,
      heard: now,
      count: (_memory, _offset, length) => {
        session.packets++;
        session.bytes += length;
        return true;
      },
    };
    return session;
  }

  packets(flow: Flow, session: Session): undefined {
    flow.drain(session.count, batch);
    session.heard = this.#io.clock.now();
  }

  tick(flow: Flow, session: Session): boolean {
    const now = this.#io.clock.now();
    if (now - session.since >= this.#options.interval) this.#report(flow, session, now);
    if (now - session.heard <= this.#options.timeout) return true;
    this.#io.out(`Test on flow ${flow.fd} timed out`);
    return false;
  }

  end(flow: Flow, session: Session): void {
    if (session.packets > 0) this.#report(flow, session, this.#io.clock.now());
  }

  #report(flow: Flow, session: Session, now: Millis): void {
    const counted = { packets: session.packets, bytes: session.bytes, time: now - session.since };
    const { json } = this.#options;
    this.#io.out(json ? toJson({ fd: flow.fd, ...counted }) : flowLine(flow.fd, counted));
    session.packets = 0;
    session.bytes = 0;
    session.since = now;
  }
}
