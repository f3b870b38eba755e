/**
 * JSON web tokens (RFC 7519), signed (RFC 7515) by a key and an algorithm that the configuration fixes. What a token says about its
 * algorithm only has to agree: were it believed, whoever knows a public key could sign with it as if it were a shared
 * secret, or say "none" (RFC 8725 sections 2.1, 3.1).
 */
import { createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify, type webcrypto } from 'node:crypto';
import type { JwtKeySpec } from '../../snapshot/lookup-spec.ts';

/** A longer token is refused unread: heads of requests are not longer by default. */
const TOKEN_CHARS_MAX = 16_384;

/** Tokens whose signature was checked and is remembered, good or not: checking costs up to a tenth of a millisecond. */
const REMEMBERED_MAX = 1_000;

/** Characters that all remembered tokens may have together. */
const REMEMBERED_CHARS_MAX = 4 * 1024 * 1024;

export type Claims = Readonly<Record<string, unknown>>;
/** The claims, or why they are not believed. */
export type Verdict = { readonly claims: Claims } | { readonly refusal: string };

export class JwtVerifier {
  readonly #spec: JwtKeySpec;
  readonly #publicKey: KeyObject | null;
  #remembered = new Map<string, Verdict>();
  #rememberedChars = 0;

  constructor(spec: JwtKeySpec) {
    this.#spec = spec;
    this.#publicKey = spec.algorithm === 'HS256' ? null : publicKeyOf(spec.key);
  }

  /** Times are looked at each time, the signature once. */
  verify(token: string, nowMs: number): Verdict {
    const verdict = this.#remembered.get(token) ?? this.#remember(token);
    if ('refusal' in verdict) {
      return verdict;
    }
    const refusal = this.#refusalOf(verdict.claims, nowMs);
    return refusal === null ? verdict : { refusal };
  }

  #remember(token: string): Verdict {
    if (token.length > TOKEN_CHARS_MAX) {
      return { refusal: 'the token is too long' };
    }
    // A copy: as a part of the head that it came in, it would keep all of that in memory.
    const own = Buffer.from(token, 'latin1').toString('latin1');
    const verdict = this.#read(own);
    if (this.#remembered.size >= REMEMBERED_MAX || this.#rememberedChars + token.length > REMEMBERED_CHARS_MAX) {
      this.#remembered = new Map();
      this.#rememberedChars = 0;
    }
    this.#remembered.set(own, verdict);
    this.#rememberedChars += token.length;
    return verdict;
  }

  #read(token: string): Verdict {
    const parts = token.split('.');
    const [head = '', body = '', signature = ''] = parts;
    if (parts.length !== 3 || !parts.every((part) => /^[A-Za-z0-9_-]+$/.test(part))) {
      return { refusal: 'it is no signed token' };
    }
    const header = jsonObject(head);
    if (header === null || header['alg'] !== this.#spec.algorithm) {
      return { refusal: `the token is not signed with ${this.#spec.algorithm}` };
    }
    // RFC 7515 section 4.1.11: what must be understood, and is not.
    if ('crit' in header) {
      return { refusal: 'the token needs what is not known here' };
    }
    if (!this.#isSigned(`${head}.${body}`, Buffer.from(signature, 'base64url'))) {
      return { refusal: 'the signature is wrong' };
    }
    const claims = jsonObject(body);
    return claims === null ? { refusal: 'it holds no claims' } : { claims };
  }

  #isSigned(content: string, signature: Buffer): boolean {
    if (this.#publicKey === null) {
      const expected = createHmac('sha256', this.#spec.key).update(content).digest();
      return expected.length === signature.length && timingSafeEqual(expected, signature);
    }
    // RFC 7518 section 3.4: both numbers of an ECDSA signature side by side, not in DER.
    return verify('sha256', Buffer.from(content), { key: this.#publicKey, dsaEncoding: 'ieee-p1363' }, signature);
  }

  #refusalOf(claims: Claims, nowMs: number): string | null {
    const { leewayMs, issuer, audience } = this.#spec;
    const { exp, nbf, iss, aud } = claims as Record<'exp' | 'nbf' | 'iss' | 'aud', unknown>;
    // NumericDate: seconds, with a fraction or without.
    if (exp !== undefined && !(typeof exp === 'number' && nowMs < exp * 1000 + leewayMs)) {
      return 'the token has expired';
    }
    if (nbf !== undefined && !(typeof nbf === 'number' && nowMs >= nbf * 1000 - leewayMs)) {
      return 'the token is not valid yet';
    }
    if (issuer !== '' && iss !== issuer) {
      return 'the token is of another issuer';
    }
    if (audience !== '' && aud !== audience && !(Array.isArray(aud) && aud.includes(audience))) {
      return 'the token is for another audience';
    }
    return null;
  }
}

/** Throws where it is neither PEM nor JWK. */
export function publicKeyOf(text: string): KeyObject {
  return text.trimStart().startsWith('{')
    ? createPublicKey({ key: JSON.parse(text) as webcrypto.JsonWebKey, format: 'jwk' })
    : createPublicKey(text);
}

function jsonObject(base64url: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(base64url, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** The texts of a claim: one, those of a list, or none. `name` may be a JSON pointer into the claims. */
export function claimTexts(claims: Claims, name: string): readonly string[] {
  let value: unknown = claims;
  const parts = name.startsWith('/') ? name.slice(1).split('/') : [name];
  for (const part of parts) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const isHere = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
    value = isHere ? (value as Record<string, unknown>)[key] : undefined;
  }
  return (Array.isArray(value) ? value : [value]).flatMap((one: unknown) =>
    typeof one === 'string' || typeof one === 'number' || typeof one === 'boolean' ? [String(one)] : [],
  );
}
