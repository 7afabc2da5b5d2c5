/**
 * Asks one DNS server: over UDP, again when there is no answer, and over TCP when the answer did not fit. Owns its socket, and what waits
 * for an answer: BOUNDED by `maxWaiting`.
 */
import { randomInt } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { connect } from 'node:net';
import {
  type Clock,
  deferred,
  type Millis,
  ResourceError,
  TimeoutError,
  within,
} from '#lib/core/index.ts';
import { type DnsAnswer, decodeAnswer } from './dns-message.ts';

const maxWaiting = 1024;
/** Pauses before a question is asked again; after the last one it has failed. */
const pauses: readonly Millis[] = [300, 700, 1500, 2500];
const maxTcpAnswer = 65_535;

export interface DnsClientConfig {
  /** IP address. */
  readonly server: string;
  readonly port?: number;
}

interface Waiting {
  readonly question: Uint8Array;
  resolve(answer: DnsAnswer): void;
}

export class DnsClient {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #server: string;
  readonly #port: number;
  readonly #waiting = new Map<number, Waiting>();
  #socket: Promise<Socket> | undefined;

  constructor(deps: { clock: Pick<Clock, 'after'> }, { server, port = 53 }: DnsClientConfig) {
    this.#clock = deps.clock;
    this.#server = server;
    this.#port = port;
  }

  /** `encode` gets the id of the message. TimeoutError; ResourceError when there is no way to the server. */
  async ask(encode: (id: number) => Uint8Array): Promise<DnsAnswer> {
    if (this.#waiting.size >= maxWaiting)
      throw new ResourceError(`Too many DNS questions: ${maxWaiting}`);
    const id = this.#freeId();
    const question = encode(id);
    const answer = deferred<DnsAnswer>();
    this.#waiting.set(id, { question, resolve: answer.resolve });
    try {
      const first = await this.#overUdp(question, answer.promise);
      return first.truncated ? await this.#overTcp(question) : first;
    } finally {
      this.#waiting.delete(id);
    }
  }

  close(): void {
    void this.#socket?.then((socket) => socket.close()).catch(() => {});
    this.#socket = undefined;
  }

  async #overUdp(question: Uint8Array, answer: Promise<DnsAnswer>): Promise<DnsAnswer> {
    for (const timeout of pauses) {
      // A server that is not there now may be there the next time.
      const socket = await this.#open();
      socket.send(question, () => {});
      try {
        return await within(this.#clock, answer, 'DNS question', { timeout });
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error;
      }
    }
    throw new TimeoutError(`DNS server ${this.#server} does not answer`);
  }

  #open(): Promise<Socket> {
    if (this.#socket !== undefined) return this.#socket;
    const socket = createSocket(this.#server.includes(':') ? 'udp6' : 'udp4');
    socket.unref();
    this.#socket = new Promise<Socket>((resolve, reject) => {
      socket.on('message', (bytes) => this.#arrived(bytes));
      // The server may refuse; another question is asked of it all the same.
      socket.on('error', (error) => {
        reject(new ResourceError(`No way to DNS server ${this.#server}: ${error.message}`, 'EIO'));
      });
      socket.connect(this.#port, this.#server, () => resolve(socket));
    });
    this.#socket.catch(() => {
      socket.close();
      this.#socket = undefined;
    });
    return this.#socket;
  }

  #arrived(bytes: Uint8Array): void {
    const waiting = this.#waiting.get(((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0));
    if (waiting === undefined) return;
    const answer = decodeAnswer(bytes, waiting.question);
    if (answer !== undefined) waiting.resolve(answer);
  }

  async #overTcp(question: Uint8Array): Promise<DnsAnswer> {
    const socket = connect({ port: this.#port, host: this.#server });
    const answer = deferred<DnsAnswer>();
    const failed = (what: string) =>
      answer.reject(new ResourceError(`DNS server ${this.#server} over TCP: ${what}`, 'EIO'));
    let bytes = Buffer.alloc(0);
    socket.on('error', ({ message }) => failed(message));
    socket.on('close', () => failed('connection closed'));
    socket.on('data', (more) => {
      bytes = Buffer.concat([bytes, more]);
      const length = bytes.length < 2 ? maxTcpAnswer : bytes.readUInt16BE(0);
      if (bytes.length < 2 + length) return;
      const decoded = decodeAnswer(bytes.subarray(2, 2 + length), question);
      if (decoded === undefined) failed('no answer to the question');
      else answer.resolve(decoded);
    });
    socket.write(Uint8Array.of(question.length >> 8, question.length & 0xff));
    socket.write(question);
    try {
      const timeout = pauses.at(-1);
      return await within(this.#clock, answer.promise, 'DNS question over TCP', { timeout });
    } finally {
      socket.destroy();
    }
  }

  #freeId(): number {
    for (;;) {
      const id = randomInt(0x10000);
      if (!this.#waiting.has(id)) return id;
    }
  }
}
