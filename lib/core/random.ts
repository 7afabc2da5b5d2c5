/** Randomness is injected, so that a test can repeat it. Not for secrets: those come from lib/crypto. */
export interface Random {
  /** Uniform in [0, 1). */
  float(): number;
}

export const realRandom: Random = { float: () => Math.random() };
