/**
 * The seam for keys and certificates (edge specification 4.2 to 4.8). A message's security fields come from here and go back here to be
 * judged; the engine does ids, time, replays and hashes. `clearClient` and `clearServer` are ends without any
 * configuration and without the means: no key, nobody's certificate.
 */
import { noBytes } from '#lib/core/index.ts';
import { noKex, type OapKex, type OapMessage } from '#lib/wire/index.ts';

export interface SecurityFields {
  readonly cipher: number;
  readonly kdf: number;
  readonly digest: number;
  readonly certificate: Uint8Array;
  readonly kex: OapKex;
}

/** Encrypts both directions of a flow. */
export interface FlowKey {
  /** NID. */
  readonly cipher: number;
  readonly key: Uint8Array;
}

/** As response -1008 and -1009. */
export interface SecurityRefusal {
  readonly refused: 'ECRYPT' | 'EAUTH';
}

interface Signer {
  /** Of everything before the signature; absent without certificate. */
  sign?(message: Uint8Array): Uint8Array;
}

/** Of one allocation. */
export interface ClientSecurity extends Signer {
  readonly fields: SecurityFields;
  /** 4.6: certificate, signature, subject; then the key, none when the flow is clear. `encoded` is the response's bytes. */
  complete(response: OapMessage, encoded: Uint8Array): SecurityRefusal | ClientTerms;
}

export interface ClientTerms {
  readonly key?: FlowKey;
}

/** Of one name. */
export interface ServerSecurity {
  /** 4.5 steps 3 and 4. `encoded` is the request's bytes. */
  negotiate(request: OapMessage, encoded: Uint8Array): SecurityRefusal | ServerTerms;
}

export interface ServerTerms extends Signer {
  /** Of the response. */
  readonly fields: SecurityFields;
  readonly key?: FlowKey;
}

const clearFields: SecurityFields = {
  cipher: 0,
  kdf: 0,
  digest: 0,
  certificate: noBytes,
  kex: noKex,
};

/** Wants no key. What the server says about keys does not matter then, but a certificate that nobody can verify does. */
export const clearClient: ClientSecurity = {
  fields: clearFields,
  complete({ certificate }): SecurityRefusal | ClientTerms {
    if (certificate.length > 0) return { refused: 'EAUTH' };
    return {};
  },
};

/**
 * Refuses a certificate as a server does that trusts nobody. Refuses key exchange: a C server without configuration follows the client
 * there; a clear answer would make the client give up after the flow is up here.
 */
export const clearServer: ServerSecurity = {
  negotiate({ certificate, kex }) {
    if (certificate.length > 0) return { refused: 'EAUTH' };
    if (kex.data.length > 0) return { refused: 'ECRYPT' };
    return { fields: clearFields };
  },
};
