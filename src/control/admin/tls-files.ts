import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

import ipaddr from 'ipaddr.js';

import type { AdminConfig } from '../../schema/admin.ts';
import { certificatesIn, keyProblem, validityProblem } from '../tls/certificate-pem.ts';
import { namesOf } from './client-certificates.ts';

/** Certificate and key of the admin API as they were read. */
export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Who signs client certificates; `null`: nobody is asked for one. */
  readonly clientCa: Buffer | null;
  /** The hosts that the certificate is for, IPv6 addresses in brackets; without those that hold a "*". */
  readonly hosts: readonly string[];
  /** What an operator should know, although it works. */
  readonly warnings: readonly string[];
}

/** Reads the files of `admin.tls`, and throws an `Error` that says what is wrong where they cannot be used. */
export async function readTlsFiles(tls: NonNullable<AdminConfig['tls']>, nowMs: number): Promise<TlsFiles> {
  const cert = await read('cert', tls.cert);
  const key = await read('key', tls.key);
  const clientCa = tls.clientCa === undefined ? null : await read('clientCa', tls.clientCa);
  const leaf = certificateIn('cert', tls.cert, cert);
  // Node takes an empty list of authorities for "the usual ones": everybody with any certificate of the web would be let in
  // (the class of CVE-2026-27586).
  if (clientCa !== null) certificateIn('clientCa', tls.clientCa ?? '', clientCa);
  requireKeyOf(leaf, tls, key);
  try {
    createSecureContext({ cert, key, ...(clientCa === null ? {} : { ca: clientCa }) });
  } catch (cause) {
    throw new Error(`admin.tls cannot be used: ${messageOf(cause)}`, { cause });
  }
  return { cert, key, clientCa, hosts: hostsOf(leaf), warnings: warningsOf(leaf, tls.cert, nowMs) };
}

async function read(field: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new Error(`admin.tls.${field}: ${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function certificateIn(field: string, path: string, pem: Buffer): X509Certificate {
  const found = certificatesIn(pem.toString('latin1'));
  if ('problem' in found) throw new Error(`admin.tls.${field}: ${path} ${found.problem}`);
  return found[0];
}

function requireKeyOf(leaf: X509Certificate, tls: NonNullable<AdminConfig['tls']>, pem: Buffer): void {
  const problem = keyProblem(leaf, pem.toString('latin1'));
  if (problem !== null) throw new Error(`admin.tls.key: ${tls.key} ${problem} (${tls.cert})`);
}

function hostsOf(leaf: X509Certificate): string[] {
  return namesOf(leaf.subjectAltName ?? '').flatMap((name) => {
    const [kind, ...rest] = name.split(':');
    const host = rest.join(':');
    if (kind === 'dns' && !host.includes('*')) return [host];
    if (kind !== 'ip' || !ipaddr.isValid(host)) return [];
    const address = ipaddr.process(host).toString();
    return [address.includes(':') ? `[${address}]` : address];
  });
}

function warningsOf(leaf: X509Certificate, path: string, nowMs: number): string[] {
  const problem = validityProblem(leaf, nowMs);
  return problem === null ? [] : [`admin.tls.cert: ${path} ${problem}`];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
