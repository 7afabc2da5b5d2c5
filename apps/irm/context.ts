/** What a command is given to run, and what it gives back. */
import type { Irm } from './client.ts';

export interface Context {
  readonly irm: Irm;
  /** Working folder, for paths on the command line. */
  readonly cwd: string;
  /** Tells the user something that is no failure (stderr). */
  note(text: string): void;
}

/** `json` is the result with --json; `text` without it. Actions say nothing: they return `done`. */
export interface Reply {
  readonly json: unknown;
  text(): string;
}

export const done: Reply = { json: {}, text: () => '' };

/** The result of an action: silent, but there with --json. */
export function silent(json: unknown): Reply {
  return { json, text: () => '' };
}
