/** What a scenario gives: samples of the same figure, kernel and ours taken in turn, and the target of their ratio. */

export interface Scenario {
  id: string;
  title: string;
  unit: string;
  /** How ours/kernel is judged: `min` at least, `max` at most `target`; `value`: ours alone. */
  better: 'min' | 'max';
  target: number;
  /** True: the target is for our figure itself, not for the ratio. */
  absolute?: boolean;
  /** What our own figure has to keep besides the ratio, in `unit`. */
  limit?: number;
  repeats: number;
  run(side: Side, round: number): Promise<number>;
  before?(): Promise<void>;
  after?(): Promise<void>;
}

export type Side = 'kernel' | 'ours';

export interface Outcome {
  id: string;
  title: string;
  unit: string;
  better: 'min' | 'max';
  target: number;
  absolute: boolean;
  limit?: number;
  kernel: number[];
  ours: number[];
  /** Median of the ratios ours/kernel pair by pair (or of ours, when absolute). */
  figure: number;
  met: boolean;
  error?: string;
}

export function median(values: readonly number[]): number {
  const s = [...values].sort((a, b) => a - b);
  const m = s.length >> 1;
  return s.length === 0 ? Number.NaN : s.length % 2 ? s[m]! : (s[m - 1]! + s[m]!) / 2;
}

/** Runs a scenario: kernel and ours in turn, so that a drifting machine meets both. */
export async function measure(s: Scenario, log: (text: string) => void): Promise<Outcome> {
  const kernel: number[] = [];
  const ours: number[] = [];
  let error: string | undefined;
  try {
    await s.before?.();
    for (let i = 0; i < s.repeats; i++) {
      if (!s.absolute) kernel.push(await s.run('kernel', i));
      ours.push(await s.run('ours', i));
      log(
        `  ${s.id} ${i + 1}/${s.repeats}: ${show(ours[i]!)} ${s.unit}${s.absolute ? '' : `, kernel ${show(kernel[i]!)}`}`,
      );
    }
  } catch (e) {
    error = e instanceof Error ? e.message : String(e);
  }
  await s.after?.();
  const ratios = s.absolute ? ours : ours.map((v, i) => v / kernel[i]!);
  const figure = median(ratios);
  const keeps = (value: number, target: number) =>
    s.better === 'min' ? value >= target : value <= target;
  const met = keeps(figure, s.target) && (s.limit === undefined || keeps(median(ours), s.limit));
  return {
    id: s.id,
    title: s.title,
    unit: s.unit,
    better: s.better,
    target: s.target,
    absolute: s.absolute ?? false,
    ...(s.limit === undefined ? {} : { limit: s.limit }),
    kernel,
    ours,
    figure,
    met: met && error === undefined,
    ...(error === undefined ? {} : { error }),
  };
}

export function show(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
