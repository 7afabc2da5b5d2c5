/** The folder of a gateway inside a runtime folder. Apart, because ouro-run makes it before any gateway runs. */
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
// Not the index: ouro-run would start more slowly.
import { ensureSafeDir } from '#lib/config/runtime-dir.ts';

/** Makes or checks `<runtime folder>/gw`; PolicyError when it is not safe. */
export function prepareGatewayFolder(runtimeDir: string): string {
  mkdirSync(runtimeDir, { recursive: true, mode: 0o700 });
  return ensureSafeDir(join(runtimeDir, 'gw'));
}

/** Search, but no list: names in here are no secret, and nobody gets here who has no descriptor of it. */
const INNER = 0o711;
/** Everybody who gets here makes sockets of his own. */
const SHARED = 0o1733;

/**
 * Makes or checks `<gw>/s`, where the shims' paths are. The folder around it lets only its user in; processes of his that have
 * changed their user come in by a descriptor (docs/decisions/changed-users.md).
 */
export function prepareInnerFolder(folder: string): string {
  const inner = ensureSafeDir(join(folder, 's'), INNER);
  for (const sub of ['l', 'u']) ensureSafeDir(join(inner, sub), SHARED);
  return inner;
}

/** Lets those who get into the inner folder use what is in it. */
export function openToBearers(inner: string): void {
  for (const name of ['ctl', 'relay', 'table']) chmodSync(join(inner, name), 0o666);
}
