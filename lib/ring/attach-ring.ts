/** Maps a flow's memory and checks that it is what its maker promised. */
import { PeerError } from '#lib/core/index.ts';
import { check, type NativeVerbs } from '#lib/os/index.ts';
import {
  decodeHeader,
  type End,
  headerBytes,
  mappingBytes,
  maxRingBytes,
  type RingGeometry,
} from './layout.ts';
import { RingReader } from './ring-reader.ts';
import { RingShortcut } from './ring-shortcut.ts';
import { RingState } from './ring-state.ts';
import { RingWriter } from './ring-writer.ts';

/** F_SEAL_SHRINK: without it the other end could truncate the file and kill us with SIGBUS. */
const sealShrink = 2;

export interface MappedRing {
  geometry: RingGeometry;
  buffer: ArrayBuffer;
  reader: RingReader;
  writer: RingWriter;
  state: RingState;
  shortcut: RingShortcut;
}

/** Closes the memfd in any case, and the bell when it throws. */
export function mapRing(
  os: Pick<NativeVerbs, 'mmapFd' | 'unmap' | 'memfdSeals' | 'fileSize' | 'close'>,
  {
    memfd,
    bell,
    end,
    deliverEmpty,
  }: { memfd: number; bell: number; end: End; deliverEmpty?: boolean },
): MappedRing {
  let buffer: ArrayBuffer | undefined;
  try {
    const seals = os.memfdSeals(memfd);
    if (seals < 0 || (seals & sealShrink) === 0) {
      throw new PeerError(`The memory of a flow is not sealed (${seals})`);
    }
    const size = os.fileSize(memfd);
    if (size < headerBytes || size > mappingBytes(maxRingBytes)) {
      throw new PeerError(`The memory of a flow has ${size} bytes`);
    }
    buffer = check<ArrayBuffer>(os.mmapFd(memfd, size), 'Mapping a flow');
    const bytes = new Uint8Array(buffer);
    const words = new Int32Array(buffer, 0, size >> 2);
    const geometry = decodeHeader(words);
    return {
      geometry,
      buffer,
      reader: new RingReader(bytes, words, geometry, end === 0 ? 1 : 0, deliverEmpty),
      writer: new RingWriter(bytes, words, geometry, end),
      state: new RingState(words, end),
      shortcut: new RingShortcut(words, end),
    };
  } catch (error) {
    if (buffer !== undefined) os.unmap(buffer);
    os.close(bell);
    throw error;
  } finally {
    os.close(memfd);
  }
}
