/** How a compat test is declared: once, run over flows and again with everything passed through. */
import { test } from 'node:test';
import { cannotMakeHosts, Host, joinByVeth, type Mode } from './host.ts';

const skip = cannotMakeHosts() ?? false;
const modes: Mode[] = process.env.OURO_COMPAT_MODES
  ? (process.env.OURO_COMPAT_MODES.split(',') as Mode[])
  : ['flows', 'pass'];

const LABEL: Record<Mode, string> = {
  flows: 'over flows',
  pass: 'passed through',
  plain: 'without ouro-run',
};

/** Runs `body` on a new host in each mode; afterwards checks which way the bytes went. */
export function compat(
  name: string,
  body: (host: Host) => Promise<void>,
  options: { ms?: number; modes?: Mode[]; checkPath?: boolean } = {},
): void {
  for (const mode of modes.filter((m) => options.modes?.includes(m) ?? true))
    test(`${name} ${LABEL[mode]}`, { skip, timeout: options.ms ?? 60_000 }, async () => {
      await withHost(mode, async (host) => {
        await body(host);
        if (options.checkPath !== false) host.checkPath();
      });
    });
}

/** A test that only makes sense over flows. */
export function onHost(
  name: string,
  body: (host: Host) => Promise<void>,
  options: { ms?: number } = {},
): void {
  test(name, { skip, timeout: options.ms ?? 60_000 }, () => withHost('flows', body));
}

/** Two hosts with a cable between them. */
export function onTwoHosts(
  name: string,
  body: (a: Host, b: Host) => Promise<void>,
  options: { ms?: number; mtu?: number } = {},
): void {
  const joined = async (a: Host, b: Host) => {
    joinByVeth(a, b, 'veth0', options.mtu);
    await body(a, b);
  };
  onHosts(name, joined, options);
}

/** Two hosts that the test itself joins. */
export function onHosts(
  name: string,
  body: (a: Host, b: Host) => Promise<void>,
  options: { ms?: number } = {},
): void {
  test(name, { skip, timeout: options.ms ?? 60_000 }, () =>
    withHost('flows', (a) => withHost('flows', (b) => body(a, b))),
  );
}

async function withHost(mode: Mode, body: (host: Host) => Promise<void>): Promise<void> {
  const host = new Host(mode);
  let failure: unknown;
  try {
    await body(host);
  } catch (error) {
    failure = error;
    const logs = host.procs.map((p) => `--- ${p.label}\n${p.output.slice(-1500)}`);
    process.stderr.write(`${logs.join('\n')}\n`);
  }
  try {
    await host.close();
  } catch (error) {
    failure ??= error;
  }
  if (failure) throw failure;
}
