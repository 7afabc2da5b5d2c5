/**
 * Runs one test on a flow: sends for the duration, then takes in what is still under way. A uni
 * test ends with the server's count; a server that gives none (the prototype's) leaves the count of
 * what was sent.
 */
import { allocationFailed, type ToolIo } from '#apps/common/cli.ts';
import { type StreamResult, streamPackets } from '#apps/common/packet-stream.ts';
import { type Millis, OuroError } from '#lib/core/index.ts';
import type { Flow } from '#lib/dev/index.ts';
import { configPacket, dataId, endPacket, parseReport, type Report, TestType } from './message.ts';
import type { ClientOptions } from './options.ts';
import { PingPong } from './ping-pong.ts';
import { RoundTrips } from './round-trips.ts';
import { type PerfResult, resultJson, resultLines } from './text.ts';

/**
 * How long to wait for echoes or the report after the last packet, and how often to ask for the
 * report.
 */
const patience: Millis = 1000;
const attempts = 3;
/** Echoes taken before the sender gets its turn. */
const batch = 64;

type Sent = StreamResult & { failure?: OuroError };

export async function runClient(io: ToolIo, options: ClientOptions): Promise<number> {
  let flow: Flow;
  try {
    flow = await io.dev.flowAlloc(options.name, { qos: options.qos, signal: io.interrupt });
  } catch (error) {
    return allocationFailed(io, options.name, error);
  }
  try {
    const { failure, ...result } = await new PerfClient(io, flow, options).run();
    if (options.json) io.out(resultJson(options, result));
    else for (const line of resultLines(options, result)) io.out(line);
    if (failure !== undefined) throw failure;
    return 0;
  } finally {
    if (flow.state !== 'deallocated') await flow.dealloc();
  }
}

class PerfClient {
  readonly #io: ToolIo;
  readonly #flow: Flow;
  readonly #options: ClientOptions;
  readonly #trips = new RoundTrips();
  #echoedBytes = 0;

  constructor(io: ToolIo, flow: Flow, options: ClientOptions) {
    this.#io = io;
    this.#flow = flow;
    this.#options = options;
  }

  async run(): Promise<PerfResult & { failure?: OuroError }> {
    const { test } = this.#options;
    await this.#flow.write(configPacket(test === 'uni' ? TestType.uni : TestType.bi), {
      timeout: patience,
    });
    if (test === 'uni') return this.#uni();
    return test === 'bi' ? this.#bi() : this.#rtt();
  }

  async #uni(): Promise<PerfResult & { failure?: OuroError }> {
    const sent = await this.#stream();
    const received = sent.failure === undefined ? await this.#askForReport() : undefined;
    return { ...failureOf(sent), sent, received };
  }

  async #bi(): Promise<PerfResult & { failure?: OuroError }> {
    const start = this.#io.clock.now();
    let last = start;
    const stop = new AbortController();
    const receiving = this.#takeEchoes(stop.signal, (now) => {
      last = now;
    });
    const sent = await this.#stream();
    const all = () => this.#trips.count >= sent.packets;
    const end = this.#io.clock.now() + patience;
    while (!all() && sent.failure === undefined && this.#io.clock.now() < end) {
      const before = this.#trips.count;
      await new Promise<void>((resolve) => this.#io.clock.after(patience / 20, resolve));
      if (this.#trips.count === before && this.#io.interrupt.aborted) break;
    }
    stop.abort();
    await receiving;
    const received = { packets: this.#trips.count, bytes: this.#echoedBytes, time: last - start };
    return { ...failureOf(sent), sent, received, rtt: this.#trips.summary() };
  }

  async #rtt(): Promise<PerfResult & { failure?: OuroError }> {
    const { clock, interrupt } = this.#io;
    const { size, duration } = this.#options;
    const packet = new Uint8Array(size);
    const view = new DataView(packet.buffer);
    const start = clock.now();
    const pingPong = new PingPong(
      { flow: this.#flow, clock, signal: interrupt },
      { patience },
      {
        next: (index) => {
          const now = clock.now();
          if (now - start >= duration) return undefined;
          view.setUint32(0, index, true);
          this.#trips.sent(index, now);
          return packet;
        },
        answer: (memory, offset, length) => {
          if (length >= 4) this.#trips.arrived(dataId(memory, offset), clock.now());
        },
      },
    );
    const { packets, failure } = await pingPong.run();
    const time = clock.now() - start;
    const { count } = this.#trips;
    return {
      ...(failure && { failure }),
      sent: { packets, bytes: packets * size, time },
      received: { packets: count, bytes: count * size, time },
      rtt: this.#trips.summary(),
    };
  }

  #stream(): Promise<Sent> {
    const { clock, interrupt } = this.#io;
    const { size, rate, duration, test } = this.#options;
    return streamPackets(
      { flow: this.#flow, clock, signal: interrupt },
      {
        size,
        rate,
        duration,
        ...(test === 'bi' && { made: (id) => this.#trips.sent(id, clock.now()) }),
      },
    );
  }

  /** Asks more than once: a flow may lose packets. */
  async #askForReport(): Promise<Report | undefined> {
    for (let i = 0; i < attempts; i++) {
      try {
        await this.#flow.write(endPacket(), { timeout: patience / attempts });
        return parseReport(await this.#flow.read({ timeout: patience / attempts }));
      } catch (error) {
        if (!(error instanceof OuroError) || error.code !== 'ETIMEDOUT') return undefined;
      }
    }
    return undefined;
  }

  async #takeEchoes(signal: AbortSignal, onEcho: (now: Millis) => void): Promise<void> {
    try {
      for (;;) {
        await this.#flow.readable({ signal });
        const now = this.#io.clock.now();
        const visit = (memory: Uint8Array, offset: number, length: number) => {
          if (length >= 4 && this.#trips.arrived(dataId(memory, offset), now))
            this.#echoedBytes += length;
          return true;
        };
        if (this.#flow.drain(visit, batch) > 0) onEcho(now);
      }
    } catch (error) {
      if (!(error instanceof OuroError)) throw error;
    }
  }
}

function failureOf({ failure }: Sent): { failure?: OuroError } {
  return failure === undefined ? {} : { failure };
}
