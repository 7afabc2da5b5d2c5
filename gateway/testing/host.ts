/**
 * A host in this process for tests: a real irmd with a local layer, and a real gateway, over in-process channels in a
 * folder of their own. Time runs, and can be pushed forward.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInProcessIpcpd } from '#ipcps/common/index.ts';
import { createIrmd, nodeHost } from '#irmd/index.ts';
import { type Clock, realClock, Scope, silentLogger } from '#lib/core/index.ts';
import { Dev } from '#lib/dev/index.ts';
import { IrmClient } from '#lib/irm/index.ts';
import { os } from '#lib/os/index.ts';
import { type Channel, connectChannel, inProcessPair, RpcPeer } from '#lib/rpc/index.ts';
import type { Keeper } from '../datagrams/datagram-service.ts';
import { prepareGatewayFolder } from '../folder.ts';
import { Gateway } from '../gateway.ts';
import { IrmdFlows } from '../irmd-flows.ts';
import { ShimClient } from './shim-client.ts';

const uid = process.getuid?.() ?? 0;

/** Real time plus what a test adds. */
export class PushedClock implements Clock {
  offset = 0;
  now(): number {
    return realClock.now() + this.offset;
  }
  wall(): number {
    return realClock.wall() + this.offset;
  }
  after(delay: number, fn: () => void, unref?: boolean): { cancel(): void } {
    return realClock.after(delay, fn, unref);
  }
}

export class TestHost {
  readonly clock = new PushedClock();
  readonly dir = mkdtempSync(join(tmpdir(), 'ouro-gw-'));
  readonly folder = prepareGatewayFolder(this.dir);
  readonly shim = new ShimClient(this.folder);
  /** What a guard would keep: copies of descriptors by key. */
  readonly kept = new Map<number, number>();
  readonly log: string[] = [];
  /** Seeds what a gateway draws at random, so that each one starts elsewhere. */
  #starts = 0;
  readonly #scope = new Scope();
  readonly #gatewayScope = new Scope();
  gateway!: Gateway;
  irm!: IrmClient;
  stopped = false;
  #connect!: () => Channel;

  static async start(): Promise<TestHost> {
    const host = new TestHost();
    await host.#startIrmd();
    await host.startGateway();
    return host;
  }

  async startGateway(): Promise<void> {
    this.#starts++;
    const dev = this.dev('ouro-gateway');
    const flows = new IrmdFlows({ dev, openIrm: () => this.#openIrm(), clock: realClock });
    await flows.start();
    const keeper: Keeper = {
      keep: (key, fd) => void this.kept.set(key, os.dup(fd, 0)),
      drop: (key) => {
        const fd = this.kept.get(key);
        if (fd !== undefined) os.close(fd);
        this.kept.delete(key);
      },
    };
    const copies = [...this.kept].map(([key, fd]) => [key, os.dup(fd, 0)] as const);
    const log = {
      ...silentLogger,
      warn: (text: string) => void this.log.push(text),
      error: (text: string) => void this.log.push(text),
    };
    this.gateway = new Gateway(
      {
        os,
        clock: this.clock,
        log,
        random: () => (this.#starts * 0.1) % 1,
        interfaces: networkInterfaces,
        flows,
        keeper,
        kept: new Map(copies),
        busy: () => false,
        onStop: () => {
          this.stopped = true;
        },
      },
      {
        folder: this.folder,
        uid,
        pid: process.pid,
        node: 'testnode',
        hostname: 'testhost',
        ephemeral: [40_000, 49_999],
        unprivileged: 0,
        version: 'test',
        embedded: true,
      },
    );
    await this.gateway.start();
    this.#gatewayScope.defer(() => flows.close());
  }

  /** As kill -9 would, except that descriptors close at once: nothing is tidied up. */
  killGateway(): void {
    this.gateway.abandon();
    void this.#gatewayScope.close();
  }

  /** A program of the native API. */
  dev(program: string): Dev {
    const dev = new Dev(
      { connect: this.#connect, closeFd: (fd) => os.close(fd), clock: realClock },
      { self: { program } },
    );
    this.#scope.defer(() => dev.close());
    return dev;
  }

  /** A method of `<gw>/admin`. */
  async admin(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const channel = connectChannel(join(this.folder, 'admin'));
    const peer = new RpcPeer({ channel, clock: realClock });
    try {
      return (await peer.call(method, params)).result;
    } finally {
      peer.close();
    }
  }

  async run(params: object = {}): Promise<number> {
    return (await this.admin('run_create', { program: '/bin/test', ...params })).run as number;
  }

  async close(): Promise<void> {
    this.shim.close();
    this.gateway.stop();
    await this.#gatewayScope.close();
    for (const fd of this.kept.values()) os.close(fd);
    await this.#scope.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #startIrmd(): Promise<void> {
    const logs = () => silentLogger;
    const clock = realClock;
    const cred = { pid: process.pid, uid, gid: process.getgid?.() ?? 0 };
    const host = nodeHost({ uid, env: { ...process.env, OUROBOROS_DIR: this.dir } });
    const irmd = createIrmd(
      { host, clock, logs },
      { dir: this.dir, version: 'test', embedded: true },
    );
    irmd.start();
    this.#scope.defer(() => irmd.shutdown());
    this.#connect = () => {
      const [ours, theirs] = inProcessPair(cred);
      irmd.attach(theirs);
      return ours;
    };
    const ipcpd = createInProcessIpcpd({ channel: this.#connect(), clock, logs, pid: process.pid });
    this.#scope.defer(() => ipcpd.close());
    await ipcpd.ready;
    this.irm = this.#openIrm();
    this.#scope.defer(() => this.irm.close());
    await this.irm.createIpcp('local', 'local');
    await this.irm.bootstrapIpcp('local', 'local');
  }

  #openIrm(): IrmClient {
    const channel = this.#connect();
    return new IrmClient({
      peer: new RpcPeer({ channel, clock: realClock, closeFd: (fd) => void os.close(fd) }),
    });
  }
}
