/** Frames of point-to-point links (semantics 8.1) as a wire for EthLayer: no addresses, SAPs 2 to 63, marks in the bytes that 2018 left 0. */
import {
  checkRaptor,
  type EthFormat,
  firstRaptorSap,
  lastRaptorSap,
  maxRaptorFrame,
  raptorHeader,
  raptorManagement,
  raptorManagementLayout,
  raptorManagementSap,
} from '#lib/wire/index.ts';
import type { EthWire } from '../eth/wire.ts';

const { length: lengthAt, dsap: dsapAt } = raptorHeader.at;
const headerBytes = raptorHeader.bytes;

export const raptorFormat: EthFormat = {
  name: 'raptor',
  headerBytes,
  firstOwn: firstRaptorSap,
  lastOwn: lastRaptorSap,
  managementEnds: { destination: raptorManagementSap, source: raptorManagementSap },
  management: raptorManagement,
  maxPayload: (mtu) => Math.min(mtu, maxRaptorFrame) - headerBytes,
  check: checkRaptor,
  isManagement: (bytes, base) => dsapAt.get(bytes, base) === raptorManagementSap,
  destination: (bytes, base) => dsapAt.get(bytes, base),
  source: () => 0,
  payloadBytes: (bytes, base) => lengthAt.get(bytes, base) - headerBytes,
  header(_to, _from, { destination }) {
    const header = new Uint8Array(headerBytes);
    raptorHeader.write(header, 0, { length: headerBytes, dsap: destination });
    return header;
  },
  setPayloadBytes: (bytes, base, payload) => lengthAt.set(bytes, base, headerBytes + payload),
};

const { code, ssap, dsap, qosCube, response } = raptorManagementLayout.at;

export const raptorWire: EthWire = {
  format: raptorFormat,
  addressed: false,
  code,
  fresh: response,
  marks: {
    'name-query': { version: ssap },
    'name-reply': { version: dsap },
    'flow-request': { version: dsap, token: response },
    // A token is at least 1, and so a version.
    'flow-reply': { version: qosCube, token: qosCube },
  },
  maxToken: 0x7f,
};
