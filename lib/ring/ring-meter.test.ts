import { expect, test } from '@jest/globals';
import { qosRaw } from '#lib/core/index.ts';
import { os } from '#lib/os/index.ts';
import { createRing } from './create-ring.ts';
import { RingFlow } from './ring-flow.ts';
import { RingMeter } from './ring-meter.ts';

test('a meter reads what both ends have sent, and lets go of the memory', () => {
  const { memfd, bells } = createRing({ ringBytes: 4096 });
  const [second, third] = [os.dup(memfd, 0), os.dup(memfd, 0)] as [number, number];
  const a = new RingFlow({}, { memfd, bell: bells[0], end: 0, qos: qosRaw });
  const b = new RingFlow({}, { memfd: second, bell: bells[1], end: 1, qos: qosRaw });
  const meter = new RingMeter({}, third);
  a.write(new Uint8Array(100));
  a.writeBatch([new Uint8Array(20), new Uint8Array(3)]);
  b.write(new Uint8Array(7));
  const [ours, theirs] = [
    { packets: 3, bytes: 123 },
    { packets: 1, bytes: 7 },
  ];
  expect(meter.read(0)).toEqual({ sent: ours, received: theirs });
  expect(meter.read(1)).toEqual({ sent: theirs, received: ours });
  expect(a.stats).toMatchObject({ packetsOut: 3, bytesOut: 123 });
  a.dealloc();
  b.dealloc();
  expect(meter.read(0)?.sent).toEqual(ours);
  meter.close();
  meter.close();
  expect(meter.read(0)).toBeUndefined();
  expect(os.dup(third, 0)).toBeLessThan(0);
});

test('a meter adds what went past the ring', () => {
  const { memfd, bells } = createRing({ ringBytes: 4096 });
  const third = os.dup(memfd, 0) as number;
  const a = new RingFlow({}, { memfd, bell: bells[0], end: 0, qos: qosRaw });
  const meter = new RingMeter({}, third);
  a.write(new Uint8Array(100));
  a.countShortcut({
    sent: { packets: 2, bytes: 5_000_000_000 },
    received: { packets: 6_000_000_000, bytes: 9e15 },
  });
  expect(meter.read(0)).toEqual({
    sent: { packets: 3, bytes: 5_000_000_100 },
    received: { packets: 6_000_000_000, bytes: 9e15 },
  });
  meter.close();
  a.dealloc();
  a.countShortcut({ sent: { packets: 0, bytes: 0 }, received: { packets: 0, bytes: 0 } });
  os.close(bells[1]);
});

test('a meter counts beyond 32 bits', () => {
  const { memfd, bells } = createRing({ ringBytes: 4096 });
  const fd = os.dup(memfd, 0) as number;
  const buffer = os.mmapFd(memfd, 3 * 4096) as ArrayBuffer;
  new BigUint64Array(buffer).set([5_000_000_000n, 6_000_000_000_000n], 72 / 8);
  const meter = new RingMeter({}, fd);
  expect(meter.read(0)?.sent).toEqual({ packets: 5e9, bytes: 6e12 });
  meter.close();
  os.unmap(buffer);
  for (const one of [memfd, ...bells]) os.close(one);
});
