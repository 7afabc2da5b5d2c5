/**
 * irmd.conf: the stanzas of the prototype's file (semantics 4.2), read into plain data in the file's order. Every mistake
 * is a UsageError that names the table, the key, and what is allowed there.
 */
import { parse, TomlError } from 'smol-toml';
import { z } from 'zod';
import { UsageError } from '#lib/core/index.ts';
import {
  type IpcpSettings,
  type IpcpType,
  ipcpSettings,
  ipcpTypes,
  isMember,
  keyAliases,
} from './ipcp-stanzas.ts';
import { parseRingBytes } from './ring-bytes.ts';

export type LoadBalance = 'round-robin' | 'spillover';

export interface SecurityPaths {
  sencpath?: string;
  scrtpath?: string;
  skeypath?: string;
  cencpath?: string;
  ccrtpath?: string;
  ckeypath?: string;
}

export interface NameStanza {
  name: string;
  lb: LoadBalance;
  /** `auto`: started when a flow is requested and nobody accepts; `args` without the program itself. */
  programs: { path: string; auto: boolean; args: string[] }[];
  security: SecurityPaths;
}

export interface IpcpStanza {
  name: string;
  type: IpcpType;
  /** Layer to make. */
  bootstrap?: string;
  /** Whom to join, instead. */
  enrol?: string;
  settings: IpcpSettings;
  /** Bind the IPCP to its own name and to its layer's. */
  /** Runs in a process of its own. */
  isolate: boolean;
  autobind: boolean;
  /** Names to register once the IPCP is up. */
  register: string[];
  /** Members to connect to, after enrolling. */
  connect: string[];
}

/** BOUNDED by the file, at most MAX_CONF_BYTES. */
export interface IrmdConf {
  /** Capacity of a flow's ring in each direction. */
  ringBytes?: number;
  names: NameStanza[];
  ipcps: IpcpStanza[];
}

export const MAX_CONF_BYTES = 1024 * 1024;

const name = z.string().min(1).max(255);
const names = z.array(name).max(1024);
const path = z.string().min(1).max(4096);

const loadBalance = z.string().transform((given, context): LoadBalance => {
  if (given === 'round-robin') return given;
  if (given === 'spill' || given === 'spillover') return 'spillover';
  context.addIssue({
    code: 'custom',
    message: `must be one of spill, round-robin, not "${given}"`,
  });
  return z.NEVER;
});

const nameShape = {
  prog: z.array(path).max(64).optional(),
  args: z.array(z.string().max(65_536)).max(64).optional(),
  lb: loadBalance.optional(),
  server_enc_file: path.optional(),
  server_crt_file: path.optional(),
  server_key_file: path.optional(),
  client_enc_file: path.optional(),
  client_crt_file: path.optional(),
  client_key_file: path.optional(),
};
const commonShape = {
  bootstrap: name.optional(),
  reg: names.optional(),
  isolate: z.boolean().optional(),
};
const memberShape = {
  enrol: name.optional(),
  conn: names.optional(),
  autobind: z.boolean().optional(),
};

/**
 * @param text the file.
 * @param file its name, for messages.
 */
export function parseIrmdConf(text: string, file = 'irmd.conf'): IrmdConf {
  if (text.length > MAX_CONF_BYTES)
    throw new UsageError(
      `${file} has ${text.length} characters, at most ${MAX_CONF_BYTES} are read`,
    );
  const conf: IrmdConf = { names: [], ipcps: [] };
  for (const [kind, tables] of Object.entries(parseToml(text, file))) {
    const known = kind === 'name' || kind === 'flows' || (ipcpTypes as string[]).includes(kind);
    if (!known)
      throw new UsageError(
        `${file}: unknown table [${kind}]; allowed: ${['name', 'flows', ...ipcpTypes].join(', ')}`,
      );
    if (!isTable(tables))
      throw new UsageError(`${file}: ${kind} must be a table of tables, such as [${kind}.X]`);
    if (kind === 'flows') {
      conf.ringBytes = readRing(tables, { file, table: '[flows]' });
      continue;
    }
    for (const [key, table] of Object.entries(tables)) {
      const at = { file, table: `[${kind}.${key}]` };
      if (!isTable(table))
        throw new UsageError(`${file}: ${at.table} must be a table, such as [${kind}.X]`);
      if (!name.safeParse(key).success) throw mistake(at, 'needs a name of 1 to 255 characters');
      if (kind === 'name') conf.names.push(readName(key, table, at));
      else conf.ipcps.push(readIpcp(kind as IpcpType, key, table, at));
    }
  }
  checkUnique(conf, file);
  return conf;
}

interface Place {
  file: string;
  table: string;
}

function readRing(table: Record<string, unknown>, at: Place): number {
  const { ring } = check({ ring: z.union([z.string(), z.number()]) }, table, at);
  try {
    return parseRingBytes(ring);
  } catch (error) {
    throw mistake(at, `ring: ${(error as Error).message}`);
  }
}

function readName(key: string, table: Record<string, unknown>, at: Place): NameStanza {
  const t = check(nameShape, table, at);
  const paths = t.prog ?? [];
  const args = t.args;
  if (args !== undefined && args.length !== paths.length)
    throw mistake(at, `args has ${args.length} entries, prog has ${paths.length}`);
  const security: SecurityPaths = {
    ...(t.server_enc_file !== undefined && { sencpath: t.server_enc_file }),
    ...(t.server_crt_file !== undefined && { scrtpath: t.server_crt_file }),
    ...(t.server_key_file !== undefined && { skeypath: t.server_key_file }),
    ...(t.client_enc_file !== undefined && { cencpath: t.client_enc_file }),
    ...(t.client_crt_file !== undefined && { ccrtpath: t.client_crt_file }),
    ...(t.client_key_file !== undefined && { ckeypath: t.client_key_file }),
  };
  return {
    name: key,
    lb: t.lb ?? 'spillover',
    programs: paths.map((p, i) => ({
      path: p,
      auto: args !== undefined,
      args: args?.[i]?.split(' ').filter((w) => w !== '') ?? [],
    })),
    security,
  };
}

function readIpcp(
  type: IpcpType,
  key: string,
  table: Record<string, unknown>,
  at: Place,
): IpcpStanza {
  const settingsShape: z.ZodRawShape = ipcpSettings[type];
  const shape = { ...commonShape, ...(isMember(type) ? memberShape : {}), ...settingsShape };
  const t: Record<string, unknown> = check(shape, table, at);
  const bootstrap = t.bootstrap as string | undefined;
  const enrol = t.enrol as string | undefined;
  const register = (t.reg as string[] | undefined) ?? [];
  const connect = (t.conn as string[] | undefined) ?? [];
  if (bootstrap !== undefined && enrol !== undefined)
    throw mistake(at, 'has both bootstrap and enrol; keep one of them');
  if (bootstrap === undefined && enrol === undefined && register.length > 0)
    throw mistake(at, 'reg needs bootstrap or enrol: only a member of a layer can register names');
  if (enrol === undefined && connect.length > 0) throw mistake(at, 'conn needs enrol');
  const settings = Object.fromEntries(
    Object.keys(settingsShape).flatMap((k) => (t[k] === undefined ? [] : [[k, t[k]]])),
  ) as IpcpSettings;
  return {
    name: key,
    type,
    ...(bootstrap !== undefined && { bootstrap }),
    ...(enrol !== undefined && { enrol }),
    settings,
    isolate: t.isolate === true,
    autobind: t.autobind === true,
    register,
    connect,
  };
}

/** The table with aliases replaced, checked against `shape`; other keys are mistakes. */
function check<S extends z.ZodRawShape>(
  shape: S,
  table: Record<string, unknown>,
  at: Place,
): z.infer<z.ZodObject<S>> {
  const plain: Record<string, unknown> = {};
  for (const [given, value] of Object.entries(table)) {
    const key = Object.hasOwn(keyAliases, given) ? keyAliases[given]! : given;
    if (!Object.hasOwn(shape, key))
      throw mistake(at, `has unknown key "${given}"; allowed: ${Object.keys(shape).join(', ')}`);
    if (Object.hasOwn(plain, key)) throw mistake(at, `gives ${key} twice, once as "${given}"`);
    plain[key] = value;
  }
  const parsed = z.strictObject(shape).safeParse(plain);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const key = issue.path.map(String).join('.');
  const missing = issue.path.length === 1 && !Object.hasOwn(plain, key);
  throw mistake(at, missing ? `needs ${key}` : `${key}: ${issue.message}`);
}

function checkUnique(conf: IrmdConf, file: string): void {
  const seen = new Map<string, string>();
  for (const { name: key, type } of conf.ipcps) {
    const other = seen.get(key);
    if (other !== undefined)
      throw new UsageError(`${file}: IPCP ${key} is both [${other}.${key}] and [${type}.${key}]`);
    seen.set(key, type);
  }
}

function parseToml(text: string, file: string): Record<string, unknown> {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '');
    throw new UsageError(`${file}:${error.line}:${error.column}: ${reason}`);
  }
}

function mistake(at: Place, text: string): UsageError {
  return new UsageError(`${at.file}: ${at.table} ${text}`);
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
