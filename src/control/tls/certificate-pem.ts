/** What can be wrong with certificates and keys in PEM, in words that read on behind the name of their file. */
import { createPrivateKey, X509Certificate } from 'node:crypto';

const PEM_BEGIN = /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/g;
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** At least one, and every one whole: half a list would be another list. */
export function certificatesIn(
  pem: string,
): readonly [X509Certificate, ...X509Certificate[]] | { readonly problem: string } {
  const blocks = pem.match(PEM_BLOCK) ?? [];
  if (blocks.length === 0) return { problem: 'has no certificate in it (PEM)' };
  if (blocks.length !== (pem.match(PEM_BEGIN) ?? []).length) {
    return { problem: 'has a certificate that does not end, or is no plain one' };
  }
  const found: X509Certificate[] = [];
  for (const block of blocks) {
    try {
      found.push(new X509Certificate(block));
    } catch {
      return { problem: `has a certificate that cannot be read (number ${found.length + 1})` };
    }
  }
  return found as [X509Certificate, ...X509Certificate[]];
}

/** Null: it is the key of that certificate. */
export function keyProblem(certificate: X509Certificate, pem: string): string | null {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    return 'has a private key that is encrypted; give it without a passphrase, to be read by the user of the proxy alone';
  }
  try {
    const isIts = certificate.checkPrivateKey(createPrivateKey(pem));
    return isIts ? null : 'is not the key of the first certificate';
  } catch {
    return 'has no private key in it that could be read (PEM)';
  }
}

/** Null: it is valid now. */
export function validityProblem({ validFromDate, validToDate }: X509Certificate, nowMs: number): string | null {
  if (nowMs < validFromDate.getTime()) return `is not valid before ${validFromDate.toISOString()}`;
  return nowMs > validToDate.getTime() ? `has expired on ${validToDate.toISOString()}` : null;
}
