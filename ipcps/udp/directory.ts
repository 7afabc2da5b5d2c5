/**
 * Where members of a layer find each other's names. UDP has no wire for that: what a directory is made of (DNS, a table, questions to
 * peers) is its own affair. `name` is the hash of a name in hex, as everybody on this wire looks it up.
 */
import type { Millis, Signal } from '#lib/core/index.ts';

export interface Lookup {
  readonly timeout: Millis;
  readonly signal?: Signal | undefined;
  /** What is remembered from before is not good enough. */
  readonly fresh?: boolean;
}

export interface Directory {
  /** IP addresses, 4 or 16 bytes, of members that have the name. None when there are none, or the time is up; never rejects. */
  find(name: string, lookup: Lookup): Promise<readonly Uint8Array[]>;
  /** This member has the name now. ResourceError, PolicyError … when nobody would learn of it. */
  register(name: string): Promise<void>;
  unregister(name: string): Promise<void>;
  close(): void;
}

/** What the first of several that knows something says. */
export async function findFirst(
  directories: readonly Directory[],
  name: string,
  lookup: Lookup,
): Promise<readonly Uint8Array[]> {
  const answers = directories.map((directory) => directory.find(name, lookup));
  return new Promise((resolve) => {
    for (const answer of answers)
      void answer.then((found) => {
        if (found.length > 0) resolve(found);
      });
    void Promise.all(answers).then(() => resolve([]));
  });
}
