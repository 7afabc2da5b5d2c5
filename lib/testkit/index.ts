export * from './fault.ts';
export * from './random.ts';
export * from './sim-clock.ts';
export * from './world.ts';
