import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

import ipaddr from 'ipaddr.js';

import type { AdminConfig } from '../../schema/admin.ts';
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

const PEM_BEGIN = /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/g;
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Reads the files of `admin.tls`, and throws an `Error` that says what is wrong where they cannot be used. */
export async function readTlsFiles(tls: NonNullable<AdminConfig['tls']>, nowMs: number): Promise<TlsFiles> {
  const cert = await read('cert', tls.cert);
  const key = await read('key', tls.key);
  const clientCa = tls.clientCa === undefined ? null : await read('clientCa', tls.clientCa);
  const leaf = certificatesIn('cert', tls.cert, cert)[0] as X509Certificate;
  // Node takes an empty list of authorities for "the usual ones": everybody with any certificate of the web would be let in
  // (the class of CVE-2026-27586).
  if (clientCa !== null) certificatesIn('clientCa', tls.clientCa ?? '', clientCa);
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

/** At least one, and every one whole: half a list of authorities would be another list. */
function certificatesIn(field: string, path: string, pem: Buffer): X509Certificate[] {
  const text = pem.toString('latin1');
  const blocks = text.match(PEM_BLOCK) ?? [];
  if (blocks.length === 0) throw new Error(`admin.tls.${field}: ${path} has no certificate in it (PEM)`);
  if (blocks.length !== (text.match(PEM_BEGIN) ?? []).length) {
    throw new Error(`admin.tls.${field}: ${path} has a certificate that does not end, or is no plain one`);
  }
  return blocks.map((block, i) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new Error(`admin.tls.${field}: certificate ${i + 1} in ${path} cannot be read`, { cause });
    }
  });
}

function requireKeyOf(leaf: X509Certificate, tls: NonNullable<AdminConfig['tls']>, pem: Buffer): void {
  let isKey: boolean;
  try {
    isKey = leaf.checkPrivateKey(createPrivateKey(pem));
  } catch (cause) {
    throw new Error(`admin.tls.key: ${tls.key} has no private key in it that could be read (PEM)`, { cause });
  }
  if (!isKey) throw new Error(`admin.tls.key: ${tls.key} is not the key of the first certificate in ${tls.cert}`);
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

function warningsOf({ validFromDate, validToDate }: X509Certificate, path: string, nowMs: number): string[] {
  if (nowMs < validFromDate.getTime())
    return [`admin.tls.cert: ${path} is not valid before ${validFromDate.toISOString()}`];
  if (nowMs > validToDate.getTime()) return [`admin.tls.cert: ${path} has expired on ${validToDate.toISOString()}`];
  return [];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
