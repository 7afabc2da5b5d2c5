/**
 * What is done once for all that one ready descriptor has caused: packets that came together are shown together, sent together.
 * Owns what waits for the end of the turn, BOUNDED by who asks for it: each asks once.
 */
const settled = Promise.resolve();
/** The first `waiting` places are taken; the array keeps its length. */
const later: ((() => void) | undefined)[] = [];
let waiting = 0;
let open = false;

/**
 * Runs `fn` at the end of the turn, or as a microtask outside of one (for a tenth of what Node's `queueMicrotask` costs with its async
 * resource). Give it a function that was made once where packets go by. What it throws ends the process.
 */
export function soon(fn: () => void): void {
  if (open) later[waiting++] = fn;
  else void settled.then(fn);
}

/** Calls `fn`, and then what was wanted `soon`: at once, where microtasks would take the engine longer than the work does. */
export function turn<A, B>(fn: (a: A, b: B) => void, a: A, b: B): void {
  if (open) return fn(a, b);
  open = true;
  try {
    fn(a, b);
  } finally {
    end();
  }
}

function end(): void {
  let next = 0;
  try {
    while (next < waiting) take(next++)();
  } finally {
    const left = waiting;
    open = false;
    waiting = 0;
    // One threw: the others do not suffer for it.
    while (next < left) soon(take(next++));
  }
}

function take(at: number): () => void {
  const fn = later[at]!;
  later[at] = undefined;
  return fn;
}
