/** How the JavaScript engine treats a daemon. */
import { setFlagsFromString } from 'node:v8';

/**
 * How much of a function runs, in bytes of V8's code for it, before V8 looks at whether to compile it well. V8's own choice is 66 KiB. A
 * daemon does the same things for every flow, most of them once, so thousands of flows would be served by code that is not compiled well.
 */
const interruptBudget = 6000;

/** To be called first. A V8 that does not know the flag says so on standard error and goes on. */
export function compileEarly(): void {
  setFlagsFromString(`--interrupt-budget=${interruptBudget}`);
}
