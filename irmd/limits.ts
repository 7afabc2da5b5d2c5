/** What bounds irmd's memory. Beyond a limit a request fails with ENOBUFS; nothing that exists suffers. */
export interface Limits {
  /** Flows of the host; both ends of a local flow count as one. */
  flows: number;
  names: number;
  /** Bindings of programs to names. */
  bindings: number;
  processes: number;
  /** As many as one ipcpd runs. */
  ipcps: number;
  /** Names that one process can be bound to. */
  namesPerProcess: number;
  connections: number;
  /** Requests in flight per connection. */
  callsPerConnection: number;
  /** Accept calls in flight per process. */
  acceptsPerProcess: number;
  /** Requests that wait for somebody to accept, per name. */
  requestsPerName: number;
  /** Programs started for names that nobody served. */
  children: number;
}

export const defaultLimits: Readonly<Limits> = {
  flows: 10_240,
  names: 4096,
  bindings: 4096,
  processes: 16_384,
  ipcps: 64,
  namesPerProcess: 256,
  connections: 4096,
  callsPerConnection: 4096,
  acceptsPerProcess: 1024,
  requestsPerName: 1024,
  children: 256,
};

/** Bytes that may accompany an allocation in either direction: a control message has 65,536 in all. */
export const MAX_DATA_BYTES = 32_768;
/** Longest name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 255;
