/**
 * Pings a name. Sends on a fixed beat from the start (no drift), or in a flood right after each
 * reply; ends after the count or duration, at ^C, when the server goes away, or when it says
 * nothing for the interval and 2 s. The statistics are printed in every case.
 */
import { allocationFailed, type ToolIo, toJson } from '#apps/common/cli.ts';
import { type Millis, OuroError, type Timer } from '#lib/core/index.ts';
import type { Flow } from '#lib/dev/index.ts';
import { PingRequest, replyId } from './message.ts';
import type { ClientOptions } from './options.ts';
import { PingStatistics } from './statistics.ts';
import { headerLine, replyLine, summaryLines, timeOfDay } from './text.ts';

/** Beyond the interval, until the server counts as gone. */
const patience: Millis = 2000;

type Io = Pick<ToolIo, 'dev' | 'clock' | 'out' | 'err' | 'interrupt'>;

/** Exit code: 0 when at least one reply came. */
export async function runClient(io: Io, options: ClientOptions): Promise<number> {
  let flow: Flow;
  try {
    flow = await io.dev.flowAlloc(options.name, { qos: options.qos, signal: io.interrupt });
  } catch (error) {
    return allocationFailed(io, options.name, error);
  }
  const run = new PingRun(io, flow, options);
  const statistics = await run.finished();
  await flow.dealloc();
  return statistics.received > 0 ? 0 : 1;
}

class PingRun {
  readonly #io: Io;
  readonly #flow: Flow;
  readonly #options: ClientOptions;
  readonly #request: PingRequest;
  readonly #statistics = new PingStatistics();
  readonly #started: Millis;
  /** Aborted when the run is over, whatever the reason. */
  readonly #over = new AbortController();
  #beat: Timer | undefined;

  constructor(io: Io, flow: Flow, options: ClientOptions) {
    this.#io = io;
    this.#flow = flow;
    this.#options = options;
    this.#request = new PingRequest(options.size);
    this.#started = io.clock.now();
  }

  async finished(): Promise<PingStatistics> {
    const { name, size, json, duration } = this.#options;
    if (!json) this.#io.out(headerLine(name, size));
    if (!this.#options.quiet) this.#io.out('');
    const stop = () => this.#over.abort();
    this.#io.interrupt.addEventListener('abort', stop, { once: true });
    if (this.#io.interrupt.aborted) stop();
    const end = duration === undefined ? undefined : this.#io.clock.after(duration, stop);
    try {
      this.#send();
      await this.#receive();
    } finally {
      end?.cancel();
      this.#beat?.cancel();
      this.#io.interrupt.removeEventListener('abort', stop);
    }
    this.#report(this.#io.clock.now() - this.#started);
    return this.#statistics;
  }

  get #sentAll(): boolean {
    return this.#statistics.transmitted >= this.#options.count;
  }

  #send(): void {
    if (this.#over.signal.aborted || this.#sentAll) return;
    const now = this.#io.clock.now();
    const id = this.#statistics.sent(now);
    // A full ring loses this ping, as a full network would. A flow that has ended is told to `#receive`.
    if (this.#flow.state === 'up') this.#flow.tryWrite(this.#request.stamp(id, now));
    if (this.#options.flood) return;
    const next = this.#started + this.#statistics.transmitted * this.#options.interval;
    this.#beat = this.#io.clock.after(Math.max(0, next - now), () => this.#send());
  }

  async #receive(): Promise<void> {
    const limits = { timeout: this.#options.interval + patience, signal: this.#over.signal };
    try {
      for await (const packet of this.#flow.packets(limits)) {
        this.#arrived(packet);
        if (this.#sentAll && this.#statistics.received >= this.#options.count) return;
        if (this.#options.flood) this.#send();
      }
      if (!this.#over.signal.aborted) this.#io.out('The server closed the flow.');
    } catch (error) {
      const code = error instanceof OuroError ? error.code : undefined;
      if (code === 'ETIMEDOUT') this.#io.out('Server timed out.');
      else if (code === 'EFLOWPEER') this.#io.out('The server is gone.');
      else throw error;
    }
  }

  #arrived(packet: Uint8Array): void {
    const id = replyId(packet);
    if (id === undefined) return;
    const reply = this.#statistics.arrived(id, this.#io.clock.now());
    if (reply === undefined || this.#options.quiet) return;
    const prefix = this.#options.timeOfDay ? timeOfDay(this.#io.clock.wall()) : '';
    this.#io.out(prefix + replyLine(this.#options.name, packet.length, id, reply));
  }

  #report(time: Millis): void {
    const s = this.#statistics;
    if (!this.#options.json) {
      for (const line of summaryLines(this.#options.name, s, time)) this.#io.out(line);
      return;
    }
    this.#io.out(
      toJson({
        name: this.#options.name,
        size: this.#options.size,
        transmitted: s.transmitted,
        received: s.received,
        outOfOrder: s.outOfOrder,
        lossPercent: s.lossPercent,
        timeMs: time,
        rttMs: s.rtt ?? null,
      }),
    );
  }
}
