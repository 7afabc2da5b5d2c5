/**
 * The binary interface between shim (C) and gateway, declared once (docs/protocols/gateway.md).
 * `c-header.ts` renders it as shim/include/ouro_abi.h; `codec.ts` reads and writes it here.
 * All integers are little-endian; ports are in host order; addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d.
 */

export const ABI_VERSION = 2;
export const MAGIC_REQ = 0x3152514f;
export const MAGIC_REP = 0x3150524f;
export const TEXT_BYTES = 256;
export const PATH_BYTES = 108;

export const Op = {
  HELLO: 1,
  BIND: 2,
  LISTEN: 3,
  CONNECT: 4,
  DGRAM: 5,
  RESOLVE: 6,
  REVERSE: 7,
  DIRECT: 8,
  LINGER: 9,
} as const;
export type Op = (typeof Op)[keyof typeof Op];

export const ReqFlag = {
  REUSEADDR: 1,
  REUSEPORT: 2,
  V6ONLY: 4,
  NONBLOCK: 8,
  RELAY: 16,
  DISCONNECT: 32,
  SEND: 64,
  BROADCAST: 128,
  REAL: 256,
  RESETS: 512,
} as const;

export const RepFlag = { TCP_PASS: 1, UDP_PASS: 2, HAS4: 4, HAS6: 8 } as const;

export const Action = { NONE: 0, FLOW: 1, PASS: 2, DIRECT: 3, RELAY: 4 } as const;
export type Action = (typeof Action)[keyof typeof Action];

/** Values of `type`, as SOCK_STREAM and SOCK_DGRAM of Linux. */
export const SockType = { STREAM: 1, DGRAM: 2 } as const;

export const DgramKind = { DATA: 0, ERROR: 1 } as const;

export const TABLE_SLOTS = 65536;
/** A socket's slot is one of this many, starting at `ino % TABLE_SLOTS` (wrapping). */
export const TABLE_WINDOW = 16;
export const TABLE_OPTS = 64;

export type FieldType = 'u8' | 'u16' | 'u32' | 'i32' | 'u64' | 'addr' | 'text' | 'path' | 'opts';
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly doc: string;
}

export const FIELD_BYTES: Readonly<Record<FieldType, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  addr: 16,
  text: TEXT_BYTES,
  path: PATH_BYTES,
  opts: 4 * TABLE_OPTS,
};

export const REQ: readonly Field[] = [
  { name: 'magic', type: 'u32', doc: 'OURO_MAGIC_REQ' },
  { name: 'version', type: 'u16', doc: 'OURO_ABI_VERSION' },
  { name: 'op', type: 'u16', doc: 'OURO_OP_*' },
  { name: 'run', type: 'u64', doc: 'id of the run, from $OURO_RUN' },
  { name: 'ino', type: 'u64', doc: "inode number of the program's socket" },
  { name: 'addr', type: 'addr', doc: 'address of the call' },
  { name: 'scope', type: 'u32', doc: 'sin6_scope_id' },
  { name: 'port', type: 'u16', doc: 'port of the call' },
  { name: 'family', type: 'u8', doc: "4 or 6: family of the program's socket; 0: none" },
  { name: 'type', type: 'u8', doc: 'SOCK_STREAM or SOCK_DGRAM' },
  { name: 'flags', type: 'u32', doc: 'OURO_REQ_*' },
  { name: 'arg', type: 'u32', doc: 'LISTEN: backlog; LINGER: serial of the connection' },
  { name: 'text', type: 'text', doc: 'NUL-terminated' },
];

export const REP: readonly Field[] = [
  { name: 'magic', type: 'u32', doc: 'OURO_MAGIC_REP' },
  { name: 'err', type: 'i32', doc: '0 or a positive errno' },
  { name: 'action', type: 'u32', doc: 'OURO_ACTION_*' },
  { name: 'flags', type: 'u32', doc: 'OURO_REP_*' },
  { name: 'local', type: 'addr', doc: 'local address of the socket' },
  { name: 'peer', type: 'addr', doc: 'peer address; RESOLVE: the IPv6 address' },
  { name: 'addr4', type: 'addr', doc: 'RESOLVE: the IPv4 address, mapped' },
  { name: 'local_port', type: 'u16', doc: '' },
  { name: 'peer_port', type: 'u16', doc: '' },
  { name: 'serial', type: 'u32', doc: 'of the connection' },
  { name: 'path', type: 'path', doc: 'DIRECT: where to connect; NUL-terminated' },
  { name: 'text', type: 'text', doc: 'words for -v, a name, or the reason of a refusal' },
];

export const DGRAM: readonly Field[] = [
  { name: 'kind', type: 'u16', doc: 'OURO_DGRAM_*' },
  { name: 'family', type: 'u8', doc: '4 or 6' },
  { name: 'flags', type: 'u8', doc: '0' },
  { name: 'port', type: 'u16', doc: '' },
  { name: 'pad', type: 'u16', doc: '0' },
  { name: 'arg', type: 'u32', doc: 'ERROR: errno' },
  { name: 'addr', type: 'addr', doc: '' },
];

/** One slot of the shared table. `ino` 0: free; taken and given back with an atomic compare-exchange on it. */
export const SLOT: readonly Field[] = [
  { name: 'ino', type: 'u64', doc: 'key' },
  { name: 'so_error', type: 'i32', doc: 'pending error, read and cleared by getsockopt(SO_ERROR)' },
  { name: 'family', type: 'u8', doc: '4 or 6' },
  { name: 'type', type: 'u8', doc: 'SOCK_STREAM or SOCK_DGRAM' },
  { name: 'state', type: 'u8', doc: 'OURO_STATE_*' },
  { name: 'protocol', type: 'u8', doc: 'IPPROTO_* for SO_PROTOCOL' },
  { name: 'local_port', type: 'u16', doc: '' },
  { name: 'peer_port', type: 'u16', doc: '' },
  { name: 'scope', type: 'u32', doc: 'sin6_scope_id of the peer' },
  { name: 'local', type: 'addr', doc: '' },
  { name: 'peer', type: 'addr', doc: '' },
  { name: 'tx', type: 'u64', doc: 'payload bytes sent' },
  { name: 'rx', type: 'u64', doc: 'payload bytes received' },
  { name: 'dropped', type: 'u64', doc: 'datagrams dropped because the queue was full' },
  { name: 'opt_set', type: 'u64', doc: 'bit i: opts[i] was set by the program' },
  {
    name: 'opts',
    type: 'opts',
    doc: "values of integer options, by index of the shim's option table",
  },
  { name: 'epoch', type: 'u32', doc: 'counted up when what DIRECT has answered holds no longer' },
];

export const SocketState = {
  FRESH: 0,
  BOUND: 1,
  LISTENING: 2,
  CONNECTING: 3,
  CONNECTED: 4,
  ATTACHED: 5,
  /** Was CONNECTING; written by the gateway when the flow is there, before it reads the filler. */
  ESTABLISHED: 6,
} as const;

export function structBytes(fields: readonly Field[]): number {
  let n = 0;
  for (const f of fields) n += FIELD_BYTES[f.type];
  return n;
}

/** Byte offset of a field. Fields are packed in order; each declaration keeps natural alignment. */
export function offsetOf(fields: readonly Field[], name: string): number {
  let n = 0;
  for (const f of fields) {
    if (f.name === name) return n;
    n += FIELD_BYTES[f.type];
  }
  return -1;
}
