/** What a component needs of a logger; pino and the talk's stdout form both fit (lib/config builds them). */
export interface Logger {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
