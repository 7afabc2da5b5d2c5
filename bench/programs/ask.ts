/** The one question of the benchmarks' programs, and its answer: see sink.ts. */
export const ask = 0x2a;
export const askBytes = 20;
