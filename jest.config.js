/** Unit and World tests: files named *.test.ts beside the code. compat-tests has a runner of its own. */
export default {
  testEnvironment: 'node',
  roots: [
    '<rootDir>/lib',
    '<rootDir>/irmd',
    '<rootDir>/ipcps',
    '<rootDir>/gateway',
    '<rootDir>/apps',
  ],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^#(.*\\.ts)$': '<rootDir>/$1' },
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } } }],
  },
  maxWorkers: 2,
  // A hang is a failure; a busy machine is not.
  testTimeout: 30_000,
};
