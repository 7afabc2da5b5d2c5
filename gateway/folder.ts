/** The folder of a gateway inside a runtime folder. Apart, because ouro-run makes it before any gateway runs. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureRuntimeDir } from '#lib/os/index.ts';

/** Makes or checks `<runtime folder>/gw`; PolicyError when it is not safe. */
export function prepareGatewayFolder(runtimeDir: string): string {
  mkdirSync(runtimeDir, { recursive: true, mode: 0o700 });
  return ensureRuntimeDir(join(runtimeDir, 'gw'));
}
