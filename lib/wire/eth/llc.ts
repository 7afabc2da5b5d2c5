/** 802.3 frames with LLC UI headers of eth-llc (edge specification 1.2). SAPs are numbers 1..63, sent with their 8 bits mirrored. */
import { UsageError } from '#lib/core/index.ts';
import { defineLayout, u8, u16 } from '../layout/index.ts';
import { Verdict } from '../verdict.ts';
import type { EthFormat } from './format.ts';
import { isOwnMac, macFields } from './mac.ts';
import { llcManagement } from './management.ts';

export const llcHeader = defineLayout(
  {
    title: 'eth-llc frame',
    section: '1.2',
    notes: `The payload follows: a management message when both SAPs are 1 (0x80 on the wire), else a packet of the flow between them; 0 bytes
are a keepalive.`,
  },
  {
    ...macFields,
    length: u16('bytes of payload, plus 3; at most 0x05FF'),
    dsap: u8("receiver's SAP 1..63, bits mirrored"),
    ssap: u8("sender's SAP 1..63, bits mirrored"),
    control: u8('0x03, unnumbered information'),
  },
);

const { length: lengthAt, dsap: dsapAt, ssap: ssapAt, control, source: sourceAt } = llcHeader.at;
const headerBytes = llcHeader.bytes;
/** DSAP, SSAP and control count as length. */
const llcBytes = 3;
const unnumbered = 0x03;
const management = 1;
const maxSap = 63;

const mirror = Uint8Array.from({ length: 256 }, (_, byte) => {
  let mirrored = 0;
  for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) mirrored |= 0x80 >> bit;
  return mirrored;
});

function sapAt(bytes: Uint8Array, at: number): number {
  return mirror[bytes[at]!]!;
}

function isSap(sap: number): boolean {
  return sap > 0 && sap <= maxSap;
}

function wireSap(sap: number): number {
  if (!isSap(sap)) throw new UsageError(`SAP ${sap} is not in 1..${maxSap}`);
  return mirror[sap]!;
}

export const llcFormat: EthFormat = {
  name: 'eth-llc',
  headerBytes,
  firstOwn: 2,
  lastOwn: maxSap,
  managementEnds: { destination: management, source: management },
  management: llcManagement,
  maxPayload: (mtu) => Math.min(mtu, 1500) - llcBytes,
  check(bytes, base, end) {
    if (end - base < headerBytes) return Verdict.short;
    const length = lengthAt.get(bytes, base);
    if (length > 0x05ff) return Verdict.ethertype;
    if (control.get(bytes, base) !== unnumbered) return Verdict.control;
    if (!isOwnMac(bytes, base + sourceAt.offset)) return Verdict.mac;
    if (length < llcBytes || length - llcBytes > end - base - headerBytes) return Verdict.length;
    if (!isSap(sapAt(bytes, base + dsapAt.offset))) return Verdict.sap;
    if (!isSap(sapAt(bytes, base + ssapAt.offset))) return Verdict.sap;
    return Verdict.ok;
  },
  isManagement: (bytes, base) =>
    sapAt(bytes, base + dsapAt.offset) === management &&
    sapAt(bytes, base + ssapAt.offset) === management,
  destination: (bytes, base) => sapAt(bytes, base + dsapAt.offset),
  source: (bytes, base) => sapAt(bytes, base + ssapAt.offset),
  payloadBytes: (bytes, base) => lengthAt.get(bytes, base) - llcBytes,
  header(to, from, ends) {
    const header = new Uint8Array(headerBytes);
    llcHeader.write(header, 0, {
      destination: to,
      source: from,
      length: llcBytes,
      dsap: wireSap(ends.destination),
      ssap: wireSap(ends.source),
      control: unnumbered,
    });
    return header;
  },
  setPayloadBytes: (bytes, base, payload) => lengthAt.set(bytes, base, payload + llcBytes),
};
