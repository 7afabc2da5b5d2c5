/** Datagrams of a shortcut: docs/wire/shortcuts.md. Only between ends of ours. */
import { defineLayout, i32, u16 } from './layout/index.ts';

export const ShortcutKind = {
  packet: 0,
  /** Does a datagram of mine reach you? Value: units that the sender's socket holds. */
  hello: 1,
  /** Yes. Value as in hello. */
  welcome: 2,
  /** From now on packets come this way. Value: how many went through the layer before. */
  moved: 3,
  /** Value: units, since the start, that the sender takes. */
  credit: 4,
  /** Value: units that the sender has sent. Asks for a credit. */
  sync: 5,
} as const;
export type ShortcutKind = (typeof ShortcutKind)[keyof typeof ShortcutKind];

export const shortcutHeader = defineLayout(
  {
    title: 'Shortcut packet',
    section: 'only between ends of ours',
    notes: 'The packet of the flow follows, at least 1 byte.',
  },
  { kind: u16('0'), token: u16("receiver's token") },
);

export const shortcutMessage = defineLayout(
  {
    title: 'Shortcut message',
    section: 'only between ends of ours',
    notes: 'Counters are modulo 2^32.',
  },
  {
    kind: u16('1 hello, 2 welcome, 3 moved, 4 credit, 5 sync'),
    token: u16("receiver's token"),
    value: i32('see the kind'),
  },
);
