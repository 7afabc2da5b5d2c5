/** Ethernet II frames of eth-dix (edge specification 1.1). Only the destination's endpoint is in the header. */
import { UsageError } from '#lib/core/index.ts';
import { defineLayout, u16 } from '../layout/index.ts';
import { Verdict } from '../verdict.ts';
import type { EthFormat } from './format.ts';
import { isOwnMac, macFields } from './mac.ts';
import { dixManagement } from './management.ts';

export const defaultEthertype = 0xa000;
const minEthertype = 0x0600;
const maxEthertype = 0xfffe;

export const dixHeader = defineLayout(
  {
    title: 'eth-dix frame',
    section: '1.1',
    notes: `The payload follows: a management message when \`eid\` is 0, else a packet of that flow; 0 bytes are a keepalive. Padding that
Ethernet adds after \`length\` bytes is ignored, and short frames are taken as they are.`,
  },
  {
    ...macFields,
    ethertype: u16(`configured, 0x0600..0xFFFE; by default 0xA000`),
    eid: u16("receiver's endpoint; 0 = management"),
    length: u16('bytes of payload'),
  },
);

const { ethertype: typeAt, eid: eidAt, length: lengthAt, source: sourceAt } = dixHeader.at;
const headerBytes = dixHeader.bytes;

/** UsageError EINVAL when the ethertype is outside 0x0600..0xFFFE. */
export function dixFormat(ethertype: number = defaultEthertype): EthFormat {
  if (!Number.isInteger(ethertype) || ethertype < minEthertype || ethertype > maxEthertype)
    throw new UsageError(`Ethertype ${ethertype} is not in 0x0600..0xFFFE`);
  return {
    name: 'eth-dix',
    headerBytes,
    // The prototype indexes tables of 4096 entries with what it hears, and starts at 64 itself.
    firstOwn: 64,
    // 0xffff is what it says of a flow that it has not got to know yet: nobody's number.
    lastOwn: 0xfffe,
    managementEnds: { destination: 0, source: 0 },
    management: dixManagement,
    maxPayload: (mtu) => Math.min(mtu, 0xffff) - 4,
    check(bytes, base, end) {
      if (end - base < headerBytes) return Verdict.short;
      if (typeAt.get(bytes, base) !== ethertype) return Verdict.ethertype;
      if (!isOwnMac(bytes, base + sourceAt.offset)) return Verdict.mac;
      if (lengthAt.get(bytes, base) > end - base - headerBytes) return Verdict.length;
      return Verdict.ok;
    },
    isManagement: (bytes, base) => eidAt.get(bytes, base) === 0,
    destination: (bytes, base) => eidAt.get(bytes, base),
    source: () => 0,
    payloadBytes: (bytes, base) => lengthAt.get(bytes, base),
    header(to, from, { destination }) {
      const header = new Uint8Array(headerBytes);
      const fields = { destination: to, source: from, ethertype, eid: destination };
      dixHeader.write(header, 0, fields);
      return header;
    },
    setPayloadBytes: (bytes, base, payload) => lengthAt.set(bytes, base, payload),
  };
}
