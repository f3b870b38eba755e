import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { ClientCertificates, namesOf } from '../../../../src/control/admin/client-certificates.ts';
import { createAuthority } from '../../../helpers/certificates.ts';

const authority = createAuthority();
const textOf = (...names: string[]): string =>
  new X509Certificate(authority.issue({ names }).cert).subjectAltName ?? '';

describe('the names of a certificate', () => {
  it.each([
    [['dns:ci.example.com']],
    [['dns:a', 'uri:spiffe://example.com/ci?x=1', 'email:ops@example.com', 'ip:10.0.0.1']],
    [['uri:https://example.com/a,b', 'dns:c']],
    [['dns:x, DNS:admin.example.com']],
    [['dns:say "hi"', 'dns:b\\c']],
  ])('%j are read as they are in it', (names) => {
    expect(namesOf(textOf(...names))).toEqual(names);
  });

  it('are read without regard to case where that has no meaning', () => {
    expect(namesOf(textOf('dns:CI.Example.com'))).toEqual(['dns:ci.example.com']);
    expect(namesOf(textOf('uri:spiffe://Example.com/CI'))).toEqual(['uri:spiffe://Example.com/CI']);
  });

  it('are none where they cannot be read', () => {
    for (const text of ['', 'DNS', 'DNS:a,DNS:b', 'DNS:"a', 'DNS:"a" DNS:b', ', DNS:a'])
      expect(namesOf(text)).toEqual([]);
    expect(namesOf('DirName:CN=x, DNS:a, Registered ID:1.2.3')).toEqual(['dns:a']);
  });
});

describe('client certificates', () => {
  const clients = new ClientCertificates([
    { name: 'ci', san: 'dns:CI.example.com', role: 'deploy', scopes: ['shop'] },
    { name: 'admin', san: 'uri:spiffe://example.com/admin', role: 'admin' },
  ]);

  it('are somebody by one of their names', () => {
    expect(clients.find(textOf('email:x@y', 'dns:ci.example.com'))).toMatchObject({ name: 'ci', role: 'deploy' });
    expect(clients.find(textOf('uri:spiffe://example.com/admin'))).toMatchObject({ name: 'admin', scopes: null });
  });

  it('are nobody by other names, by a part of one, or by those of two', () => {
    expect(clients.find('')).toBeNull();
    expect(clients.find(textOf('dns:ci.example.com.evil.example', 'dns:xci.example.com'))).toBeNull();
    expect(clients.find(textOf('uri:spiffe://example.com/ADMIN'))).toBeNull();
    expect(clients.find(textOf('uri:dns:ci.example.com'))).toBeNull();
    expect(clients.find(textOf('dns:ci.example.com', 'uri:spiffe://example.com/admin'))).toBeNull();
  });
});
