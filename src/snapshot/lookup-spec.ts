/**
 * What the conditions of rules look things up in, as plain data: named at the top of the configuration, read from files by
 * the control plane alone, and shared by all services of a snapshot.
 */
import type { AddressTableData } from '../base/address-table.ts';

export type LookupSpec = AddressSetSpec | RegionMapSpec | JwtKeySpec;

export type LookupKind = LookupSpec['kind'];

export interface AddressSetSpec {
  readonly kind: 'address-set';
  readonly name: string;
  readonly table: AddressTableData;
}

export interface RegionMapSpec {
  readonly kind: 'region-map';
  readonly name: string;
  /** Field in which a trusted proxy names the label, lower case; "": none. */
  readonly header: string;
  /** The numbers of the table count in these. */
  readonly labels: readonly string[];
  readonly table: AddressTableData;
}

export interface JwtKeySpec {
  readonly kind: 'jwt-key';
  readonly name: string;
  readonly algorithm: 'HS256' | 'RS256' | 'ES256';
  /** A secret, or a public key in PEM or as JWK. */
  readonly key: string;
  /** "": any. */
  readonly issuer: string;
  readonly audience: string;
  readonly leewayMs: number;
}

/** What differs from the lookups that were in force. */
export interface LookupUpdate {
  /** Added or changed, each whole. */
  readonly changed: readonly LookupSpec[];
  /** Keys, as `lookupKey` makes them, of those that are gone. */
  readonly removed: readonly string[];
}

export function lookupKey(kind: LookupKind, name: string): string {
  return `${kind}:${name}`;
}
