import { type AdminConfig, INSECURE_PHRASE } from '../../schema/admin.ts';
import { asksWhoCalls } from '../config/check-admin.ts';
import type { AccessRules } from './access-control.ts';
import { BearerTokens } from './bearer-tokens.ts';
import { ClientCertificates } from './client-certificates.ts';
import { type TlsFiles, readTlsFiles } from './tls-files.ts';
import { readTokenFile } from './token-file.ts';

/** What the admin API is opened with, files read; all but the first two may be replaced while it runs. */
export interface AdminSettings {
  readonly listen: string;
  /** Whether an address that other machines reach is opened without TLS or without callers having to say who they are. */
  readonly isInsecureAllowed: boolean;
  /** `null`: whoever gets there may do everything. */
  readonly rules: AccessRules | null;
  readonly tls: TlsFiles | null;
  /** Further hosts, with or without a port, that requests may name. */
  readonly hosts: readonly string[];
  readonly writesPerSecond: number;
}

/** Reads what the section `admin` names. Throws an `Error` that says what is wrong where something cannot be used. */
export async function readAdminSettings(admin: AdminConfig, nowMs: number): Promise<AdminSettings> {
  const tls = admin.tls === undefined ? null : await readTlsFiles(admin.tls, nowMs);
  return {
    listen: admin.listen,
    isInsecureAllowed: admin.insecure === INSECURE_PHRASE,
    rules: await readRules(admin),
    tls,
    hosts: admin.hosts,
    writesPerSecond: admin.writesPerSecond,
  };
}

async function readRules(admin: AdminConfig): Promise<AccessRules | null> {
  const { tokens = [], tokensFile, clients = [] } = admin;
  // A file with an empty list is no invitation: with it, nobody has a token.
  if (!asksWhoCalls(admin)) return null;
  const fromFile = tokensFile === undefined ? [] : await readTokenFile(tokensFile);
  const names = [...tokens, ...fromFile, ...clients].map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`admin.tokensFile: the name "${twice}" is given twice`);
  const digests = [...tokens, ...fromFile].map(({ sha256 }) => sha256);
  if (new Set(digests).size !== digests.length) throw new Error('admin.tokensFile: a token is given twice');
  return { tokens: new BearerTokens([...tokens, ...fromFile]), certificates: new ClientCertificates(clients) };
}
