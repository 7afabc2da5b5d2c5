/** Fault injection: a thing that works until its nth call. */

/**
 * `target` with `method` throwing `error` at its `nth` call (from 1) and working before and after. Everything else goes to
 * `target` itself.
 */
export function failAt<T extends object, K extends keyof T>(
  target: T,
  method: K,
  nth: number,
  error: Error,
): T {
  let calls = 0;
  return new Proxy(target, {
    get(_target, key) {
      const value = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (key === method && ++calls === nth) throw error;
        return value.apply(target, args);
      };
    },
  });
}
