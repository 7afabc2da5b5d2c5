/** Conversations of a host of ours with the C prototype 0.23 (lib/wire/vectors), played again. */
import { describe, expect, it } from '@jest/globals';
import { copyBytes, noBytes, toHex } from '#lib/core/index.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { type Family, socketAddress } from '#lib/udp/index.ts';
import { readCapture, udpPayload } from '#lib/wire/fixtures/pcap.ts';
import { isRejected, udpHeader, udpManagement, udpManagementLayout } from '#lib/wire/index.ts';
import { type Line, perform } from '../common/testing/conversation.ts';
import { HostsDirectory } from './hosts-directory.ts';
import { SimMedium } from './testing/sim-medium.ts';
import { ipOf } from './testing/sim-net.ts';
import { UdpLayer } from './udp-layer.ts';

const port = 3435;
const hashBytes = 16;
const { sEid, dEid, code } = udpManagementLayout.at;
const endpoint = udpHeader.at.eid;

function readLine(ours: boolean, frame: Uint8Array): Line {
  const to = endpoint.get(frame, 0);
  const line = { ours, frame, to };
  if (to !== 0) {
    const payload = frame.slice(udpHeader.bytes);
    return { ...line, text: toHex(frame), message: undefined, payload };
  }
  const message = udpManagement.decode(frame, 0, frame.length, hashBytes);
  if (isRejected(message)) throw new RangeError(`Not a message: ${toHex(frame)}`);
  const blotted = copyBytes(frame);
  (message.kind === 'flow-request' ? sEid : dEid).set(blotted, 0, 0);
  return { ...line, text: toHex(blotted), message, payload: noBytes };
}

/** Datagrams of a capture, and whether our host has sent them: it did the first. */
function datagrams(name: string): { ours: boolean; bytes: Uint8Array }[] {
  const frames = readCapture(name);
  const source = (frame: Uint8Array) => toHex(frame.subarray(6, 12));
  return frames.map((frame) => ({
    ours: source(frame) === source(frames[0]!),
    bytes: copyBytes(udpPayload(frame, port)!),
  }));
}

async function play(family: Family, name: string) {
  const lines = datagrams(name).map(({ ours, bytes }) => readLine(ours, bytes));
  const clock = new SimClock();
  const random = new SeededRandom(1);
  const medium = new SimMedium({ clock, random });
  const [here, there] = [ipOf(family, 1), ipOf(family, 2)];
  const [ourAddress, theirs] = [socketAddress(here, port), socketAddress(there, port)];
  const hosts = new Map(
    lines.flatMap(({ ours, message }) =>
      ours && message?.kind === 'flow-request' ? [[toHex(message.hash), [there]] as const] : [],
    ),
  );
  const directory = new HostsDirectory({ clock }, { family, hosts });
  const layer = new UdpLayer(
    { clock, random, port: medium.open(ourAddress), directories: [directory] },
    { name: 'u', family },
  );
  const said: Uint8Array[] = [];
  medium.tap = (bytes) => said.push(bytes) > 0;
  const played = await perform(
    {
      clock,
      layer,
      said: () => said.splice(0).map((bytes) => readLine(true, bytes)),
      hear({ frame, message }, to) {
        const bytes = copyBytes(frame);
        if (message === undefined) endpoint.set(bytes, 0, to);
        else if (message.kind === 'flow-reply') sEid.set(bytes, 0, to);
        medium.inject(bytes, theirs, ourAddress);
      },
    },
    lines,
  );
  const { status } = layer;
  await clock.run(layer.close());
  return { played, status };
}

describe('with the C prototype', () => {
  it.each([
    ['udp4', 'ours-udp4', { allocated: 7, unanswered: 1, accepted: 8, unread: 0 }],
    // The prototype could not answer one request, and said so to nobody.
    ['udp6', 'ours-udp6', { allocated: 7, unanswered: 1, accepted: 8, unread: 0 }],
  ] as const)('%s: what ours says is the same as then', async (family, name, expected) => {
    const { played, status } = await play(family, name);
    expect(played).toEqual(expected);
    expect(status.flows).toBe(expected.unanswered);
  });

  it.each(['ours-udp4', 'ours-udp6'])(
    '%s: nothing that only ours would understand was said to it',
    (name) => {
      const codes = datagrams(name)
        .filter(({ ours, bytes }) => ours && endpoint.get(bytes, 0) === 0)
        .map(({ bytes }) => code.get(bytes, 0));
      expect(new Set(codes)).toEqual(new Set([1, 2]));
    },
  );
});
