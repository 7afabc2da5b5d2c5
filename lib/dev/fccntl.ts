/**
 * fccntl as in C (semantics 2.3), for programs that are ported. TypeScript code has the same as
 * members of Flow: `readTimeout`, `writeTimeout`, `qos`, `flags`, `queued`.
 */
import { type Millis, type QosSpec, UsageError } from '#lib/core/index.ts';
import { allFrctFlags, FlowCommand, FrctFlag } from './flags.ts';
import type { Flow } from './flow.ts';

type SetTimeout = typeof FlowCommand.FLOWSRCVTIMEO | typeof FlowCommand.FLOWSSNDTIMEO;
type SetFlags = typeof FlowCommand.FLOWSFLAGS | typeof FlowCommand.FRCTSFLAGS;
type GetQos = typeof FlowCommand.FLOWGQOSSPEC;
type GetNumber = Exclude<FlowCommand, SetTimeout | SetFlags | GetQos>;

/** Milliseconds; undefined switches the time-out off. */
export function fccntl(flow: Flow, command: SetTimeout, timeout: Millis | undefined): void;
/** UsageError EINVAL for unknown bits. */
export function fccntl(flow: Flow, command: SetFlags, flags: number): void;
export function fccntl(flow: Flow, command: GetQos): QosSpec;
/** Time-outs in ms (EPERM when none is set), flags, queue lengths in bytes. */
export function fccntl(flow: Flow, command: GetNumber): number;
/**
 * ENOTALLOC after dealloc; EPERM for FRCT flags of a raw flow; EOPNOTSUPP for an unknown command.
 */
export function fccntl(
  flow: Flow,
  command: FlowCommand,
  value?: number,
): number | QosSpec | undefined {
  if (flow.state === 'deallocated')
    throw new UsageError(`Flow ${flow.fd} is not allocated`, 'ENOTALLOC');
  switch (command) {
    case FlowCommand.FLOWSRCVTIMEO:
      flow.readTimeout = checkTimeout(value);
      return undefined;
    case FlowCommand.FLOWGRCVTIMEO:
      return isSet(flow, flow.readTimeout);
    case FlowCommand.FLOWSSNDTIMEO:
      flow.writeTimeout = checkTimeout(value);
      return undefined;
    case FlowCommand.FLOWGSNDTIMEO:
      return isSet(flow, flow.writeTimeout);
    case FlowCommand.FLOWGQOSSPEC:
      return { ...flow.qos };
    case FlowCommand.FLOWSFLAGS:
      flow.flags = value as number;
      return undefined;
    case FlowCommand.FLOWGFLAGS:
      return flow.flags;
    case FlowCommand.FLOWGRXQLEN:
      return flow.queued.toRead;
    case FlowCommand.FLOWGTXQLEN:
      return flow.queued.toWrite;
    case FlowCommand.FRCTSFLAGS:
      setFrct(flow, value);
      return undefined;
    case FlowCommand.FRCTGFLAGS:
      return getFrct(flow);
    default:
      throw new UsageError(`No such command: 0${Number(command).toString(8)}`, 'EOPNOTSUPP');
  }
}

function checkTimeout(value: number | undefined): Millis | undefined {
  if (value === undefined || value >= 0) return value;
  throw new UsageError(`Time-out ${value} ms`);
}

function isSet(flow: Flow, value: Millis | undefined): Millis {
  if (value === undefined) throw new UsageError(`Flow ${flow.fd} has no such time-out`, 'EPERM');
  return value;
}

/**
 * Retransmission follows from the QoS; resource control and lingering are on unless they are
 * cleared.
 */
function getFrct(flow: Flow): number {
  if (flow.qos.inOrder === 0)
    throw new UsageError(`Flow ${flow.fd} is raw: it has no flow control`, 'EPERM');
  const { FRCTFRTX, FRCTFRESCNTL, FRCTFLINGER } = FrctFlag;
  const reliable = flow.qos.loss === 0;
  const usual = reliable ? FRCTFRESCNTL | FRCTFLINGER : FRCTFRESCNTL;
  return (reliable ? FRCTFRTX : 0) | ((flow.frctFlags ?? usual) & ~FRCTFRTX);
}

function setFrct(flow: Flow, value: number | undefined): void {
  getFrct(flow);
  if (value === undefined || !Number.isInteger(value) || (value & ~allFrctFlags) !== 0)
    throw new UsageError(`No such flags: ${value}`);
  flow.frctFlags = value;
}
