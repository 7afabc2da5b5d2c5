export { root } from './table.ts';
