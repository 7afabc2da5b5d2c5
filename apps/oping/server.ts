/**
 * Answers pings on any number of flows. A flow that sends no valid ping for 10 s is deallocated,
 * one whose other end has gone at once; both are told in the talk's words, "Flow 64 timed out."
 */
import type { ToolIo } from '#apps/common/cli.ts';
import type { FlowService } from '#apps/common/flow-server.ts';
import type { Millis } from '#lib/core/index.ts';
import type { Flow } from '#lib/dev/index.ts';
import { answer } from './message.ts';

const idleLimit: Millis = 10_000;
/** Packets answered on one flow before the next one gets its turn. */
const batch = 64;

interface Session {
  /** When the last valid ping came. */
  heard: Millis;
}

export class PingService implements FlowService<Session> {
  readonly greeting = 'Ouroboros ping server started.';
  readonly every: Millis = 1000;
  readonly #io: Pick<ToolIo, 'clock' | 'out'>;
  readonly #verbose: boolean;

  constructor(io: Pick<ToolIo, 'clock' | 'out'>, config: { verbose: boolean }) {
    this.#io = io;
    this.#verbose = config.verbose;
  }

  open(flow: Flow): Session {
    this.#io.out(`New flow ${flow.fd}.`);
    return { heard: this.#io.clock.now() };
  }

  packets(flow: Flow, session: Session): undefined {
    for (let i = 0; i < batch; i++) {
      const packet = flow.tryRead();
      if (packet === undefined) return;
      if (!answer(packet)) {
        this.#io.out(`Invalid message on fd ${flow.fd}.`);
        continue;
      }
      session.heard = this.#io.clock.now();
      if (this.#verbose) this.#io.out(`Received ${packet.length} bytes on fd ${flow.fd}.`);
      // A client that does not read its replies loses them.
      flow.tryWrite(packet);
    }
  }

  tick(_flow: Flow, session: Session): boolean {
    return this.#io.clock.now() - session.heard <= idleLimit;
  }

  end(flow: Flow): void {
    this.#io.out(`Flow ${flow.fd} timed out.`);
  }
}
