/**
 * Where a counter begins that may pass 2^31 while it is busy, such as one of bytes. V8 keeps a field that begins with a small integer as
 * one, and throws away the compiled code of everything that touches the object when it grows out of that; -0 is a double from the start.
 * Shown to others it is 0 by adding 0.
 */
export const largeZero = -0;
