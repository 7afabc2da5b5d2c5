/**
 * Brings the two ends of a Unix-socket link together: who comes first listens at the path, the other one connects, and comes back when the
 * listener does. Owns the listener and the timer; the port owns the connection and ends both with itself.
 */
import type { Millis, Timer } from '#lib/core/index.ts';
import { os as real, UnixListener } from '#lib/os/index.ts';
import type { PortDeps } from '../eth/packet-port.ts';
import type { PipePort } from './pipe-port.ts';

const again: Millis = 500;
const type = 'seqpacket';

/** UsageError, PolicyError when nobody listens at the path and we cannot. */
export function linkByPath(deps: PortDeps, port: PipePort, path: string): void {
  const { clock, os = real } = deps;
  let timer: Timer | undefined;
  let listener: UnixListener | undefined;
  const retry = () => {
    timer = clock.after(again, connect, true);
  };
  const connect = () => {
    const fd = os.unixConnect(path, type);
    if (fd >= 0) port.attach(fd);
    else retry();
    return fd >= 0;
  };
  const accept = (got: number) => port.attach(got);
  const attach = deps.guard?.(accept) ?? accept;
  port.onClose(() => {
    timer?.cancel();
    listener?.close();
  });
  const fd = os.unixConnect(path, type);
  if (fd >= 0) {
    port.attach(fd);
    port.onDown = retry;
  } else listener = new UnixListener({ path, type, replaceStale: true }, (got) => attach(got), os);
}
