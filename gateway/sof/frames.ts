/**
 * Frames of sockets over flows, one per packet of the flow (docs/sockets-over-flows.md): a header of 4 bytes, type,
 * flags and a 16-bit argument (big-endian), then the payload.
 */
export const FRAME_HEADER = 4;

/** Types on the flow of a stream. The argument of all but RST is the frame's number, from 0, modulo 2^16: a lost one is noticed. */
export const StreamFrame = {
  /** Payload: bytes of the stream. */
  DATA: 1,
  /** The sender's program will send no more. */
  FIN: 2,
  /** The connection is gone; argument: errno. */
  RST: 3,
  /** Payload: 4 bytes, how many more bytes of data the sender of this frame takes. */
  CREDIT: 4,
  /** Payload: one byte of urgent data, at this place of the stream. */
  URGENT: 5,
} as const;

/** Frames of types that are not known here are ignored, and not counted. */
export function isNumbered(type: number): boolean {
  return type !== StreamFrame.RST && type >= StreamFrame.DATA && type <= StreamFrame.URGENT;
}

/** Types on the flow of datagrams. */
export const DatagramFrame = {
  /** Payload: one datagram. */
  WHOLE: 16,
  /** Payload: a piece; argument: number of the datagram; flags: index of the piece, bit 7 on the last. */
  PIECE: 17,
  /** Argument: errno, as an ICMP error would tell. */
  ERROR: 18,
} as const;

/** Bytes of stream data that a gateway takes beyond what its program has read. */
export const STREAM_WINDOW = 512 * 1024;

export function putFrameHeader(
  bytes: Uint8Array,
  offset: number,
  type: number,
  flags = 0,
  arg = 0,
): void {
  bytes[offset] = type;
  bytes[offset + 1] = flags;
  bytes[offset + 2] = arg >>> 8;
  bytes[offset + 3] = arg & 255;
}

export function frameArg(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
}

export function putU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

export function getU32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset]! << 24) |
      (bytes[offset + 1]! << 16) |
      (bytes[offset + 2]! << 8) |
      bytes[offset + 3]!) >>>
    0
  );
}
