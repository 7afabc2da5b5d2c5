/** What a close between ends of ours says of how the flow ended (docs/wire/extensions.md): a 32-bit value in both families. */
export const closeReason = { done: 0, lost: 1 } as const;
export type CloseReason = keyof typeof closeReason;

/** A value of a later version counts as done. */
export function closeReasonOf(value: number): CloseReason {
  return value === closeReason.lost ? 'lost' : 'done';
}
