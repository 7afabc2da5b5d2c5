import { describe, expect, it } from '@jest/globals';
import { toHex } from '#lib/core/index.ts';
import {
  checkHash,
  directoryHashes,
  directoryHashNames,
  hashName,
  hashText,
  parseDirectoryHash,
} from './hash.ts';

describe('hashName', () => {
  it('gives the hashes of the 2018 talk and of today', () => {
    expect(hashText(hashName('SHA3-224', 'server'))).toBe('081afc84');
    expect(hashText(hashName('SHA3-256', 'server'))).toBe('d19778d2');
    expect(hashText(hashName('SHA3-224', 'ioq3'))).toBe('c8a3f205');
  });

  it('agrees with published vectors', () => {
    expect(toHex(hashName('MD5', 'abc'))).toBe('900150983cd24fb0d6963f7d28e17f72');
    expect(toHex(hashName('CRC32', '123456789'))).toBe('cbf43926');
    expect(hashText(hashName('SHA3-512', 'abc'))).toBe('b751850b');
    expect(hashText(hashName('SHA3-384', 'abc'))).toBe(
      'ec01498288516fc926459f58e2c6ad8d'.slice(0, 8),
    );
  });

  it('hashes the UTF-8 bytes of a name into the length of its algorithm', () => {
    for (const algorithm of directoryHashNames) {
      const hash = hashName(algorithm, 'größe');
      expect(hash.length).toBe(directoryHashes[algorithm].bytes);
      expect(() => checkHash(algorithm, hash)).not.toThrow();
      expect(() => checkHash(algorithm, hash.subarray(1))).toThrow(`${algorithm} has`);
    }
  });
});

describe('parseDirectoryHash', () => {
  it('takes the spellings of both eras and nothing else', () => {
    expect(parseDirectoryHash('SHA3_224')).toBe('SHA3-224');
    expect(parseDirectoryHash('sha3-512')).toBe('SHA3-512');
    expect(parseDirectoryHash('md5')).toBe('MD5');
    expect(parseDirectoryHash('constructor')).toBeUndefined();
  });
});
