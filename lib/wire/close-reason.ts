/**
 * What a close between ends of ours says of how the flow ended (docs/wire/extensions.md): a 32-bit value in both families. `unknown`: the sender has no
 * such flow, and waits for no confirmation.
 */
export const closeReason = { done: 0, lost: 1, unknown: 2 } as const;

/** A value of a later version counts as done. */
export function closeReasonOf(value: number): 'done' | 'lost' {
  return value === closeReason.lost || value === closeReason.unknown ? 'lost' : 'done';
}
