/**
 * The certificates of listeners, from the files that the configuration names. Only the primary reads files: workers are sent
 * what these hold, by themselves and never as a part of the routing.
 */
import path from 'node:path';
import { createSecureContext } from 'node:tls';

import type { ConfigDocument } from '../../schema/config.ts';
import type { CertificateConfig } from '../../schema/listener-tls.ts';
import { type Problem, pointerOf } from '../../schema/problem.ts';
import type { CertificateSpec } from '../../snapshot/credential-spec.ts';
import { namesOf } from '../admin/client-certificates.ts';
import { readTextFile } from '../config/read-text-file.ts';
import { certificatesIn, keyProblem, validityProblem } from './certificate-pem.ts';

/** Longest file, in bytes: a chain of a hundred certificates. */
const FILE_BYTES_MAX = 256 * 1024;

/** By listener; of those that speak TLS only. */
export type CertificateMap = Readonly<Record<string, readonly CertificateSpec[]>>;

export interface ReadCertificates {
  readonly certificates: CertificateMap;
  readonly problems: readonly Problem[];
  /** What an operator should know, although it works. */
  readonly warnings: readonly Problem[];
}

/** All that a valid configuration names. `folder`: where relative paths count from. */
export async function readCertificates(
  { listeners }: Pick<ConfigDocument, 'listeners'>,
  folder: string,
  nowMs: number,
): Promise<ReadCertificates> {
  const certificates: Record<string, CertificateSpec[]> = {};
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  for (const [name, { tls }] of Object.entries(listeners)) {
    if (tls === undefined) continue;
    const read: CertificateSpec[] = [];
    for (const [index, pair] of tls.certificates.entries()) {
      const at = pointerOf('listeners', name, 'tls', 'certificates', index);
      const found = await readCertificate(pair, at, folder, nowMs);
      if ('path' in found) problems.push(found);
      else {
        if (found.warning !== null) warnings.push(found.warning);
        read.push(found.certificate);
      }
    }
    certificates[name] = read;
  }
  return { certificates, problems, warnings };
}

async function readCertificate(
  pair: CertificateConfig,
  at: string,
  folder: string,
  nowMs: number,
): Promise<{ readonly certificate: CertificateSpec; readonly warning: Problem | null } | Problem> {
  const wrong = (field: keyof CertificateConfig, what: string): Problem => ({
    path: `${at}/${field}`,
    message: `${what}: ${JSON.stringify(pair[field])}`,
  });
  const cert = await readTextFile(path.resolve(folder, pair.cert), FILE_BYTES_MAX);
  if (typeof cert !== 'string') return wrong('cert', cert.problem);
  const chain = certificatesIn(cert);
  if ('problem' in chain) return wrong('cert', chain.problem);
  const key = await readTextFile(path.resolve(folder, pair.key), FILE_BYTES_MAX);
  if (typeof key !== 'string') return wrong('key', key.problem);
  const [leaf] = chain;
  const notItsKey = keyProblem(leaf, key);
  if (notItsKey !== null) return wrong('key', notItsKey);
  try {
    createSecureContext({ cert, key, ca: [] });
  } catch (error) {
    return wrong('cert', `cannot be used (${(error as Error).message})`);
  }
  const invalid = validityProblem(leaf, nowMs);
  const names = namesOf(leaf.subjectAltName ?? '').flatMap((name) =>
    name.startsWith('dns:') ? name.slice('dns:'.length).toLowerCase() : [],
  );
  return { certificate: { names, cert, key }, warning: invalid === null ? null : wrong('cert', invalid) };
}
