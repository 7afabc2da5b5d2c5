import { describe, expect, it } from '@jest/globals';
import { RoundTrips } from './round-trips.ts';

describe('RoundTrips', () => {
  it('summarises', () => {
    const trips = new RoundTrips();
    for (let id = 0; id < 100; id++) {
      trips.sent(id, id);
      expect(trips.arrived(id, id + 1 + id)).toBe(true);
    }
    expect(trips.summary()).toEqual({ min: 1, avg: 50.5, p50: 51, p99: 100, max: 100 });
    expect(trips.count).toBe(100);
  });

  it('counts nothing twice, and nothing that was not sent', () => {
    const trips = new RoundTrips();
    expect(trips.summary()).toBeUndefined();
    trips.sent(0, 0);
    expect(trips.arrived(1, 1)).toBe(false);
    expect(trips.arrived(0, 1)).toBe(true);
    expect(trips.arrived(0, 1)).toBe(false);
    for (let id = 1; id < 70_000; id++) trips.sent(id, id);
    expect(trips.arrived(2, 70_000)).toBe(false);
    expect(trips.count).toBe(1);
  });

  it('keeps the newest of very many', () => {
    const trips = new RoundTrips();
    for (let id = 0; id < 300_000; id++) {
      trips.sent(id, 0);
      trips.arrived(id, id < 40_000 ? 1000 : 1);
    }
    expect(trips.summary()).toMatchObject({ min: 1, max: 1000, p99: 1 });
  });
});
