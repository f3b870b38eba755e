/** A name in a certificate (RFC 5280 section 4.2.1.6) by which somebody is known. */
export interface SubjectAltName {
  readonly kind: 'dns' | 'uri' | 'email' | 'ip';
  readonly value: string;
}

const FORM = /^(dns|uri|email|ip):([\x21-\x7e]+)$/;

/** "dns:ci.example.com", "uri:spiffe://example.com/ci", "email:ops@example.com" or "ip:10.0.0.1", or what is wrong with it. */
export function parseSubjectAltName(text: string): SubjectAltName | { readonly problem: string } {
  const match = FORM.exec(text);
  if (match === null) {
    return { problem: 'must be "dns:NAME", "uri:URI", "email:ADDRESS" or "ip:ADDRESS", as the certificate has it' };
  }
  const kind = match[1] as SubjectAltName['kind'];
  const value = match[2] ?? '';
  if (value.includes('*')) return { problem: 'must be one name, without "*"' };
  return { kind, value: kind === 'dns' ? value.toLowerCase() : value };
}
