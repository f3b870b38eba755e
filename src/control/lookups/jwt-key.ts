import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto';

import { parseDuration } from '../../base/duration.ts';
import type { JwtKeyConfig } from '../../schema/lookups.ts';
import type { JwtKeySpec } from '../../snapshot/lookup-spec.ts';

/** RFC 7518 section 3.2: as long as the hash, which the schema asks of a secret in the configuration too. */
const SECRET_CHARS_MIN = 32;

/** RFC 7518 section 3.3. */
const RSA_BITS_MIN = 2048;

/** `text` is what its file holds. */
export function jwtKeyOf(
  name: string,
  { algorithm, secret, issuer = '', audience = '', leeway }: JwtKeyConfig,
  text: string,
): JwtKeySpec | { readonly problem: string } {
  const key = secret ?? (algorithm === 'HS256' ? secretOf(text) : publicKeyOf(text, algorithm));
  if (typeof key !== 'string') return key;
  return { kind: 'jwt-key', name, algorithm, key, issuer, audience, leewayMs: parseDuration(leeway) };
}

function secretOf(text: string): string | { readonly problem: string } {
  const secret = text.trim();
  // What everybody may know would be what tokens are signed with.
  if (/-----BEGIN|^\{/.test(secret)) return { problem: 'holds a key in PEM or as JWK; HS256 needs a shared secret' };
  if (secret.length >= SECRET_CHARS_MIN) return secret;
  return { problem: `holds a secret of less than ${SECRET_CHARS_MIN} characters` };
}

/** In PEM, whatever form it came in. */
function publicKeyOf(text: string, algorithm: 'RS256' | 'ES256'): string | { readonly problem: string } {
  const isJson = text.trimStart().startsWith('{');
  let key: KeyObject;
  try {
    if (!isJson && text.includes('PRIVATE KEY')) return { problem: PRIVATE };
    const jwk = isJson ? (JSON.parse(text) as webcrypto.JsonWebKey) : null;
    if (jwk !== null && Object.hasOwn(jwk, 'd')) return { problem: PRIVATE };
    if (jwk !== null && Object.hasOwn(jwk, 'keys')) return { problem: 'holds a set of keys; give one of them, as JWK' };
    key = createPublicKey(jwk === null ? text : { key: jwk, format: 'jwk' });
  } catch {
    return { problem: 'holds no public key in PEM or as JWK' };
  }
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (algorithm === 'RS256' && (key.asymmetricKeyType !== 'rsa' || modulusLength < RSA_BITS_MIN)) {
    return { problem: `holds no RSA key of ${RSA_BITS_MIN} bits or more, which RS256 needs` };
  }
  if (algorithm === 'ES256' && namedCurve !== 'prime256v1') {
    return { problem: 'holds no key on the curve P-256, which ES256 needs' };
  }
  return key.export({ type: 'spki', format: 'pem' });
}

const PRIVATE = 'holds a private key; give the public one, which is all that checking needs';
