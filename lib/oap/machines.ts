/** States of the two ends of an allocation. */
import { defineMachine } from '#lib/core/index.ts';

export const clientMachine = defineMachine({
  name: 'OAP client',
  initial: 'idle',
  states: {
    idle: { to: ['asked', 'abandoned'] },
    asked: { to: ['asked-again', 'complete', 'refused', 'failed', 'abandoned'] },
    /** The server wanted the data first. */
    'asked-again': { to: ['complete', 'refused', 'failed', 'abandoned'] },
    complete: { to: [], final: true },
    /** The server said no. */
    refused: { to: [], final: true, failure: true },
    /** The response does not belong to the request, or breaks the protocol. */
    failed: { to: [], final: true, failure: true },
    /** Nobody waits any more. */
    abandoned: { to: [], final: true, failure: true },
  },
});
export type ClientState = keyof typeof clientMachine.states;

/** From the request that passed all checks on; what failed one has no state. */
export const serverMachine = defineMachine({
  name: 'OAP server',
  initial: 'received',
  states: {
    received: { to: ['answered', 'refused'] },
    answered: { to: [], final: true },
    refused: { to: [], final: true, failure: true },
  },
});
export type ServerState = keyof typeof serverMachine.states;
