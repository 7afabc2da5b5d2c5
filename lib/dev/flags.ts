/**
 * Flags and commands of fccntl: names and values of the prototype (semantics 2.3; values are octal
 * there).
 */

export const FlowFlag = {
  FLOWFRDONLY: 0,
  FLOWFWRONLY: 1,
  FLOWFRDWR: 2,
  FLOWFACCMODE: 3,
  /** Set by its user to tell the other end that this end is out of service. */
  FLOWFDOWN: 0o4,
  /** A read that would wait fails with EAGAIN. */
  FLOWFRNOBLOCK: 0o1000,
  /** A write that would wait fails with EAGAIN. */
  FLOWFWNOBLOCK: 0o2000,
  /**
   * A read whose buffer is too small drops the packet (EMSGSIZE) instead of giving it in pieces.
   */
  FLOWFRNOPART: 0o10000,
  /** A write is one packet or EMSGSIZE. Always so: no flow fragments here. */
  FLOWFWNOPART: 0o20000,
} as const;

export const defaultFlowFlags = FlowFlag.FLOWFRDWR | FlowFlag.FLOWFWNOPART;
export const allFlowFlags = 0o33007;

/** Flow and retransmission control. `FRCTFRTX` follows from the QoS and cannot be changed. */
export const FrctFlag = { FRCTFRTX: 1, FRCTFRESCNTL: 2, FRCTFLINGER: 4 } as const;
export const allFrctFlags = 7;

export const FlowCommand = {
  FLOWSRCVTIMEO: 0o1,
  FLOWGRCVTIMEO: 0o2,
  FLOWSSNDTIMEO: 0o3,
  FLOWGSNDTIMEO: 0o4,
  FLOWGQOSSPEC: 0o5,
  FLOWSFLAGS: 0o6,
  FLOWGFLAGS: 0o7,
  FLOWGRXQLEN: 0o10,
  FLOWGTXQLEN: 0o11,
  FRCTSFLAGS: 0o1000,
  FRCTGFLAGS: 0o2000,
} as const;
export type FlowCommand = (typeof FlowCommand)[keyof typeof FlowCommand];
