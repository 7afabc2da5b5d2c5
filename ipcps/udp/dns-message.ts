/**
 * The DNS messages that a UDP layer needs: questions for addresses and for the zone of a name, and updates of one record (RFC 2136).
 * A name has one address record per member that has registered it, so a member adds and deletes only its own.
 */
import { type Answer, decode, encode, type Packet, RECURSION_DESIRED } from 'dns-packet';
import { ipText } from '#lib/udp/index.ts';

export type AddressType = 'A' | 'AAAA';

export interface DnsAnswer {
  readonly id: number;
  readonly rcode: string;
  readonly truncated: boolean;
  readonly records: readonly Answer[];
  readonly authorities: readonly Answer[];
}

export interface RecordChange {
  readonly zone: string;
  readonly name: string;
  readonly ip: Uint8Array;
  /** Seconds; undefined: delete it. */
  readonly ttl: number | undefined;
}

/** dns-packet takes it as part of the flags. */
const updateOpcode = 5 << 11;
/** Class of a record to delete (RFC 2136, 2.5.4), which dns-packet does not know. */
const classNone = 254;
const opcodeMask = 0x7800;

export function addressType(ip: Uint8Array): AddressType {
  return ip.length === 4 ? 'A' : 'AAAA';
}

export function encodeQuestion(id: number, name: string, type: AddressType | 'SOA'): Uint8Array {
  return encode({ type: 'query', id, flags: RECURSION_DESIRED, questions: [{ type, name }] });
}

export function encodeUpdate(id: number, { zone, name, ip, ttl }: RecordChange): Uint8Array {
  const record: Answer = {
    type: addressType(ip),
    name,
    class: 'IN',
    ttl: ttl ?? 0,
    data: ipText(ip),
  };
  const questions: Packet['questions'] = [{ type: 'SOA', class: 'IN', name: zone }];
  const packet = encode({
    type: 'query',
    id,
    flags: updateOpcode,
    questions,
    authorities: [record],
  });
  // The record is the last of the message: class, TTL, length, address.
  if (ttl === undefined) packet.writeUInt16BE(classNone, packet.length - ip.length - 8);
  return packet;
}

/** Undefined when it is no answer to `question`. */
export function decodeAnswer(bytes: Uint8Array, question: Uint8Array): DnsAnswer | undefined {
  if (bytes.length < 12 || bytes[0] !== question[0] || bytes[1] !== question[1]) return undefined;
  try {
    const asked = decode(Buffer.from(question));
    const answer = decode(Buffer.from(bytes));
    const [mine] = asked.questions ?? [];
    const [theirs] = answer.questions ?? [];
    const opcode = (answer.flags ?? 0) & opcodeMask;
    if (answer.type !== 'response' || opcode !== ((asked.flags ?? 0) & opcodeMask))
      return undefined;
    // Answers to updates may leave the zone out.
    if (theirs !== undefined && (theirs.name !== mine?.name || theirs.type !== mine.type))
      return undefined;
    return {
      id: answer.id ?? 0,
      rcode: (answer as { rcode?: string }).rcode ?? 'SERVFAIL',
      truncated: answer.flag_tc,
      records: answer.answers ?? [],
      authorities: answer.authorities ?? [],
    };
  } catch {
    return undefined;
  }
}
