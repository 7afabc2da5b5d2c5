import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MAX_U32, qosBestEffort, qosByName, qosData, qosVideo, qosVoice } from '#lib/core/index.ts';
import { wireQos } from './fixtures/arbitrary.ts';
import { cubeOfQos, QosCube, qosFromWire, qosOfCube, qosToWire } from './qos.ts';

describe('QoS on the wire', () => {
  it('carries what there is by name', () => {
    for (const qos of Object.values(qosByName)) expect(qosFromWire(qosToWire(qos))).toEqual(qos);
    expect(qosToWire(qosVideo).bandwidth).toBe(2n ** 64n - 1n);
  });

  it('round-trips', () => {
    fc.assert(
      fc.property(wireQos, (qos) => {
        expect(qosFromWire(qosToWire(qos))).toEqual(qos);
      }),
      { seed: 4 },
    );
  });

  it('fits whatever a program asks for', () => {
    const asked = {
      delay: Number.POSITIVE_INFINITY,
      bandwidth: 1e30,
      availability: 1000,
      loss: -1,
      ber: Number.NaN,
      inOrder: 1.9,
      maxGap: 2 ** 40,
      timeout: 0.5,
    };
    expect(qosToWire(asked)).toEqual({
      delay: MAX_U32,
      bandwidth: 2n ** 64n - 1n,
      availability: 255,
      loss: 0,
      ber: 0,
      inOrder: 1,
      maxGap: MAX_U32,
      timeout: 0,
    });
  });

  it('sorts into cubes', () => {
    expect(cubeOfQos(qosVoice)).toBe(QosCube.voice);
    expect(cubeOfQos(qosVideo)).toBe(QosCube.video);
    expect([qosBestEffort, qosData].map(cubeOfQos)).toEqual([QosCube.best, QosCube.best]);
    for (const cube of Object.values(QosCube)) expect(cubeOfQos(qosOfCube(cube))).toBe(cube);
    expect(qosOfCube(9)).toBe(qosBestEffort);
  });
});
