import { fuzzSuite } from './testing/fuzz-suite.ts';
import { dixWire, llcWire } from './wire.ts';

fuzzSuite('eth-dix', () => dixWire());
fuzzSuite('eth-llc', llcWire);
