/** What docs/wire says about the formats of lib/wire: which layouts make a page, and the words around them. */
import { dixHeader } from '../eth/dix.ts';
import { llcHeader } from '../eth/llc.ts';
import { dixManagementLayout, llcManagementLayout } from '../eth/management.ts';
import { frcpPci } from '../frcp.ts';
import type { FieldRow, LayoutInfo } from '../layout/index.ts';
import { oapLayout } from '../oap.ts';
import { raptorHeader, raptorManagementLayout, raptorQosLayout } from '../raptor.ts';
import { shortcutHeader, shortcutMessage } from '../shortcut.ts';
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
  {
    file: 'shortcuts',
    title: 'Shortcuts',
    intro: `Datagrams of a busy flow over UDP that go from one program's socket to the other's, past the IPCPs. Only between ends of ours; the layer makes the
flow, and it ends it, as ever.

1. An IPCP whose peer is one of ours tells its program, in the flow's ring, at which address a socket of it would have to be
   ([rings](../protocols/ring.md)). The option \`shortcuts no\` of the IPCP forbids it.
2. A program whose flow is busy (64 times packets came or went) opens a UDP socket there, on any port, and offers it: port, and a random *token*
   from 1 to 65535. The IPCPs carry the offer ([extensions](extensions.md), 0x86). An IPCP takes nothing but port and token from its program or its
   peer; the address is the one that it knows. The other program, if it can, opens a socket and offers that. Offers are repeated (after
   50 ms, doubling, six times).
3. Each sends hello from its socket to the other's, repeated as offers are, and answers hello with welcome. Both say how many *units* the
   sender's socket holds, 16 to 2048. Who gets welcome knows that datagrams get through in both directions, says moved, and sends its
   packets by the shortcut from then on. Who gets none stays with its IPCP: a firewall costs no packet.
4. The reader of moved gives its program nothing from the shortcut until as many packets as moved says have come through the layer, or
   200 ms have passed, so that the change puts nothing out of order.

A packet takes one unit for each 1472 bytes of its datagram that have begun. The units of welcome are granted without being said; *credit* grants more, counted from the
start. *sync* says how many units were sent, after each half of what the other socket holds, each second in which packets leave, and again and again by
who has to wait (after 20 ms, doubling, at most 1 s). Its receiver counts what is missing as lost, and answers with a credit. Who gets no credit to
four syncs in a row, one each second, gives the shortcut up and sends through its IPCP again, for the rest of the flow.

Datagrams from elsewhere, with another token, or of another kind, are nothing. Empty packets, the keepalives, go through the layer.`,
    layouts: [shortcutHeader, shortcutMessage],
  },
];
