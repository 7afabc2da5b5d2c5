/** Conversations of a host of ours with the C prototype 0.23 (lib/wire/vectors), played again. */
import { describe, expect, it } from '@jest/globals';
import { copyBytes, silentLogger, toHex } from '#lib/core/index.ts';
import { SeededRandom, SimClock } from '#lib/testkit/index.ts';
import { readCapture } from '#lib/wire/fixtures/pcap.ts';
import { isRejected, macBytes } from '#lib/wire/index.ts';
import { type Line, perform } from '../common/testing/conversation.ts';
import { EthLayer } from './eth-layer.ts';
import { SimulatedPort, SimulatedWire } from './testing/simulated-wire.ts';
import { dixWire, type EthWire, llcWire } from './wire.ts';

const hashBytes = 32;
const sourceSap = 15;

function reader(wire: EthWire, mac: Uint8Array) {
  const { format } = wire;
  return (frame: Uint8Array): Line => {
    const end = format.headerBytes + format.payloadBytes(frame, 0);
    const payload = frame.slice(format.headerBytes, end);
    const ours = toHex(frame.subarray(macBytes, 2 * macBytes)) === toHex(mac);
    const blotted = copyBytes(frame);
    const to = format.destination(frame, 0);
    const line = { ours, frame, payload };
    if (!format.isManagement(frame, 0)) {
      if (format.name === 'eth-llc') blotted[sourceSap] = 0;
      return { ...line, text: toHex(blotted), message: undefined, to };
    }
    const message = format.management.decode(payload, 0, payload.length, hashBytes);
    if (isRejected(message)) return { ...line, text: toHex(frame), message: undefined, to: -1 };
    const at = format.headerBytes;
    if (message.kind === 'flow-request') wire.marks['flow-request'].token!.set(blotted, at, 0);
    if ('source' in message) blotted.fill(0, at, at + (format.name === 'eth-llc' ? 1 : 2));
    return { ...line, text: toHex(blotted), message, to };
  };
}

async function play(wire: EthWire, name: string) {
  const { format } = wire;
  const frames = readCapture(name);
  const mac = frames[0]!.slice(macBytes, 2 * macBytes);
  const read = reader(wire, mac);
  const clock = new SimClock();
  const medium = new SimulatedWire({ clock, random: new SeededRandom(1) });
  const port = new SimulatedPort(medium, mac);
  const random = new SeededRandom(1);
  const deps = { clock, random, port, log: silentLogger };
  const layer = new EthLayer(deps, { name: 'e', hash: 'SHA3-256', wire });
  let said: Uint8Array[] = [];
  medium.tap = (frame) => said.push(frame) > 0;
  const lines = frames.map(read);
  const cMac = frames.find((_, i) => !lines[i]!.ours)!.slice(macBytes, 2 * macBytes);
  const played = await perform(
    {
      clock,
      layer,
      said: () => said.splice(0).map(read),
      hear({ frame, message, payload }, to) {
        if (to < 0) return port.inject(frame);
        const again = message?.kind === 'flow-reply' ? { ...message, destination: to } : message;
        const bytes = again === undefined ? payload : format.management.encode(again);
        const packetEnds = { destination: to, source: format.source(frame, 0) };
        const ends = again === undefined ? packetEnds : format.managementEnds;
        const header = format.header(mac, cMac, ends);
        format.setPayloadBytes(header, 0, bytes.length);
        port.inject(Uint8Array.of(...header, ...bytes));
      },
    },
    lines,
  );
  const status = layer.status();
  said = [];
  await clock.run(layer.close());
  return { played, status, lines };
}

describe('with the C prototype', () => {
  it.each([
    // Three replies went to nobody: the prototype answers endpoint 0xffff at address 0 when requests come close together.
    ['ours-dix', () => dixWire(), { allocated: 5, unanswered: 3, accepted: 8, unread: 0 }],
    ['ours-llc', llcWire, { allocated: 6, unanswered: 2, accepted: 8, unread: 0 }],
  ] as const)('%s: what ours says is the same as then', async (name, wire, expected) => {
    const { played, status } = await play(wire(), name);
    expect(played).toEqual(expected);
    // Those wait until their time is up.
    expect(status).toMatchObject({ flows: expected.unanswered, foreign: 0, dropped: 0 });
  });

  it.each([
    ['ours-dix', () => dixWire()],
    ['ours-llc', llcWire],
  ] as const)('%s: nothing that only ours would understand was said to it', (name, wire) => {
    const { format, code } = wire();
    const frames = readCapture(name);
    const ours = toHex(frames[0]!.subarray(macBytes, 2 * macBytes));
    const codes = frames
      .filter((frame) => toHex(frame.subarray(macBytes, 2 * macBytes)) === ours)
      .filter((frame) => format.isManagement(frame, 0))
      .map((frame) => code.get(frame, format.headerBytes));
    expect(new Set(codes)).toEqual(new Set([0, 1, 2, 3]));
  });
});
