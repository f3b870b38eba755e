/**
 * X.509 certificates made on the spot (RFC 5280, DER as of X.690), so that tests need neither a program nor files that
 * expire. Elliptic curve keys: they are made in a fraction of a millisecond.
 */
import { type KeyObject, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

import ipaddr from 'ipaddr.js';

export interface Issued {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface LeafOptions {
  /** Subject alternative names, such as "dns:localhost", "uri:spiffe://a/b", "email:a@b" and "ip:127.0.0.1". */
  readonly names: readonly string[];
  readonly validFrom?: Date;
  readonly validTo?: Date;
}

export interface Authority {
  /** PEM. */
  readonly cert: string;
  issue(options: LeafOptions): Issued;
}

const YEAR_MS = 365 * 86_400_000;

export function createAuthority(name = 'test authority'): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const issuer = distinguishedName(name);
  // basicConstraints CA (critical), keyUsage keyCertSign (critical).
  const extensions = [
    extension([2, 5, 29, 19], sequence(Buffer.from([0x01, 0x01, 0xff])), true),
    extension([2, 5, 29, 15], Buffer.from([0x03, 0x02, 0x02, 0x04]), true),
  ];
  const own = { issuer, subject: issuer, publicKey, extensions, validFrom: before(), validTo: after() };
  return {
    cert: pem('CERTIFICATE', certificate(own, privateKey)),
    issue({ names, validFrom = before(), validTo = after() }) {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const alternatives = extension([2, 5, 29, 17], sequence(...names.map(generalName)), false);
      const subject = distinguishedName('leaf');
      const leaf = { issuer, subject, publicKey: pair.publicKey, extensions: [alternatives], validFrom, validTo };
      return {
        cert: pem('CERTIFICATE', certificate(leaf, privateKey)),
        key: String(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })),
      };
    },
  };
}

const before = (): Date => new Date(Date.now() - YEAR_MS);
const after = (): Date => new Date(Date.now() + YEAR_MS);

interface Contents {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly extensions: readonly Buffer[];
  readonly validFrom: Date;
  readonly validTo: Date;
}

function certificate(contents: Contents, signer: KeyObject): Buffer {
  // ecdsa-with-SHA256
  const algorithm = sequence(objectId([1, 2, 840, 10045, 4, 3, 2]));
  const version3 = tagged(0xa0, Buffer.from([0x02, 0x01, 0x02]));
  const serial = tagged(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(8)]));
  const toSign = sequence(
    version3,
    serial,
    algorithm,
    contents.issuer,
    sequence(time(contents.validFrom), time(contents.validTo)),
    contents.subject,
    contents.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...contents.extensions)),
  );
  const signature = sign('sha256', toSign, signer);
  return sequence(toSign, algorithm, tagged(0x03, Buffer.concat([Buffer.from([0]), signature])));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(objectId([2, 5, 4, 3]), tagged(0x0c, Buffer.from(commonName)))));
}

/** RFC 5280 section 4.2.1.6. */
function generalName(name: string): Buffer {
  const colon = name.indexOf(':');
  const value = name.slice(colon + 1);
  switch (name.slice(0, colon)) {
    case 'email':
      return tagged(0x81, Buffer.from(value, 'latin1'));
    case 'dns':
      return tagged(0x82, Buffer.from(value, 'latin1'));
    case 'uri':
      return tagged(0x86, Buffer.from(value, 'latin1'));
    case 'ip':
      if (isIP(value) !== 0) return tagged(0x87, Buffer.from(ipaddr.parse(value).toByteArray()));
      throw new RangeError(`no IP address: ${value}`);
    default:
      throw new RangeError(`no kind of name: ${name}`);
  }
}

function extension(id: readonly number[], value: Buffer, isCritical: boolean): Buffer {
  const critical = isCritical ? [Buffer.from([0x01, 0x01, 0xff])] : [];
  return sequence(objectId(id), ...critical, tagged(0x04, value));
}

/** GeneralizedTime, in whole seconds. */
function time(date: Date): Buffer {
  return tagged(0x18, Buffer.from(`${date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')}`));
}

function objectId([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value & 0x7f];
  for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift(0x80 | (left & 0x7f));
  return digits;
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function tagged(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const bytes: number[] = [];
  for (let left = length; left > 0; left >>>= 8) bytes.unshift(left & 0xff);
  const size = length < 0x80 ? [length] : [0x80 | bytes.length, ...bytes];
  return Buffer.concat([Buffer.from([tag, ...size]), value]);
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
