/** Methods of `<gw>/admin` for ouro-run and ouro-ps (framing: docs/protocols/control.md). */
import { z } from 'zod';
import { PolicyError, UsageError } from '#lib/core/index.ts';
import { type CallContext, type Method, type Methods, method } from '#lib/rpc/index.ts';
import type { Run, RunRecord } from '../processes/run.ts';
import { formatProblem, MAX_RULES, parseRules, ruleLines } from '../rules/index.ts';
import type { SocketRow } from './rows.ts';

/** Rows in one message of at most 65,536 bytes. */
const PAGE = 100;

const ruleLine = z.object({ where: z.string().max(512), text: z.string().max(2048) });
const ruleList = z.array(ruleLine).max(MAX_RULES);
/** A file as it is; its lines come after the rules that were given alone. */
const ruleFile = z.object({ name: z.string().max(4096), text: z.string() });
const name = z
  .string()
  .min(1)
  .refine((n) => Buffer.byteLength(n) <= 255, 'longer than 255 bytes')
  .refine((n) => !n.includes('\uFFFD'), 'not UTF-8');

export interface GatewayStatus {
  version: string;
  pid: number;
  uid: number;
  node: string;
  /** True when irmd and the local layer run in the same process. */
  embedded: boolean;
  processes: number;
  runs: number;
  sockets: number;
  connections: number;
  /** Milliseconds since it started. */
  uptime: number;
}

export interface AdminDeps {
  readonly uid: number;
  readonly createRun: (run: Omit<RunRecord, 'id'>) => Run;
  readonly rows: () => SocketRow[];
  readonly status: () => GatewayStatus;
  readonly stop: () => void;
}

export function adminMethods(deps: AdminDeps): Methods {
  /** Only the gateway's user and root. */
  const guarded = <P>(schema: z.ZodType<P>, run: (params: P) => unknown): Method<P> =>
    method(schema, (params, context: CallContext) => {
      const { uid } = context.cred;
      if (uid !== deps.uid && uid !== 0)
        throw new PolicyError(`User ${uid} may not use the gateway of user ${deps.uid}`);
      return { result: run(params) };
    });
  return {
    run_create: guarded(
      z.object({
        names: z.array(name).max(64).default([]),
        rules: ruleList.default([]),
        files: z.array(ruleFile).max(64).default([]),
        program: z.string().max(4096),
        direct: z.boolean().default(true),
      }),
      ({ files, ...run }) => {
        const rules = [...run.rules, ...files.flatMap(({ name, text }) => ruleLines(name, text))];
        const { problems } = parseRules(rules);
        if (problems.length > 0) throw new UsageError(problems.map(formatProblem).join('; '));
        return { run: deps.createRun({ ...run, rules }).id };
      },
    ),
    ps: guarded(z.object({ after: z.number().int().min(0).default(0) }), ({ after }) => {
      const rows = deps.rows();
      const items = rows.slice(after, after + PAGE);
      return after + PAGE < rows.length ? { items, next: after + PAGE } : { items };
    }),
    status: guarded(z.object({}), () => deps.status()),
    stop: guarded(z.object({}), () => {
      deps.stop();
      return {};
    }),
  };
}
