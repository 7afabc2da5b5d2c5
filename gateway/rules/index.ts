export * from './match.ts';
export * from './parse.ts';
export * from './rule.ts';
