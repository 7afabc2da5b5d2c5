/** What docs/wire says about the formats of lib/wire: which layouts make a page, and the words around them. */
import { dixHeader } from '../eth/dix.ts';
import { llcHeader } from '../eth/llc.ts';
import { dixManagementLayout, llcManagementLayout } from '../eth/management.ts';
import { frcpPci } from '../frcp.ts';
import type { FieldRow, LayoutInfo } from '../layout/index.ts';
import { oapLayout } from '../oap.ts';
import { raptorHeader, raptorManagementLayout, raptorQosLayout } from '../raptor.ts';
import { crcTrailer } from '../trailer.ts';
import { udpHeader, udpManagementLayout } from '../udp.ts';

/** The parts of a layout that a table shows. */
export interface DocLayout extends LayoutInfo {
  readonly bytes: number;
  readonly rows: readonly FieldRow[];
}

export interface DocPage {
  /** In docs/wire, without `.md`. */
  readonly file: string;
  readonly title: string;
  readonly intro: string;
  readonly layouts: readonly DocLayout[];
}

export const wirePages: readonly DocPage[] = [
  {
    file: 'ethernet',
    title: 'Ethernet',
    intro: `Two formats for the same IPCP: eth-dix (Ethernet II) and eth-llc (802.3 with LLC UI frames). Whoever wants a flow broadcasts a name query, sends
a flow request to the MAC that replied, and gets a flow reply; nothing is repeated, and nothing is sent when a flow ends.`,
    layouts: [dixHeader, dixManagementLayout, llcHeader, llcManagementLayout],
  },
  {
    file: 'udp',
    title: 'UDP',
    intro: `One socket for all flows of an IPCP, port 3435 at both ends. There are no name queries: names resolve as the MD5 of the name, in hex, by the
host's resolver. In replies \`sEid\` is the requester's endpoint, the other way round than on Ethernet.`,
    layouts: [udpHeader, udpManagementLayout],
  },
  {
    file: 'oap',
    title: 'OAP, flow allocation and authentication',
    intro: `One request and one response in the tails of flow request and reply, whatever the layer. Without security a request is 36 bytes and a response
84. What else nodes of ours put into them is in [extensions](extensions.md), the states of both ends in [oap-states](oap-states.md).`,
    layouts: [oapLayout],
  },
  {
    file: 'packet',
    title: 'Packets of a flow',
    intro: `What endpoints put around the bytes of one write, first byte of the wire at the left:

    [IV] [FRCP header | bytes of the program] [AEAD tag] [CRC32]

IV and tag are there when the flow has a key, the FRCP header when its QoS has \`inOrder\`, the trailer when \`ber\` is 0. IPCPs forward all of it as
it is. A packet of 0 bytes is a keepalive: it has none of these, and the program that reads never sees it. It is sent after a quarter of
the peer time-out without another packet.`,
    layouts: [frcpPci, crcTrailer],
  },
  {
    file: 'raptor',
    title: 'Raptor',
    intro: `Point-to-point links without addresses: a serial line, a pipe, a TUN device. The formats are those of 2018's IPCP for FPGA boards; what it had
no room for is ours.`,
    layouts: [raptorHeader, raptorManagementLayout, raptorQosLayout],
  },
];
