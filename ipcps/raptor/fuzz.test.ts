import { fuzzSuite } from '../eth/testing/fuzz-suite.ts';
import { raptorWire } from './raptor-wire.ts';

fuzzSuite('raptor', () => raptorWire);
