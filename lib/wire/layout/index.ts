export * from './field.ts';
export * from './layout.ts';
