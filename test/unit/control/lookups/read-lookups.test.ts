import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { AddressTable } from '../../../../src/base/address-table.ts';
import { checkConfig } from '../../../../src/control/config/check-config.ts';
import { BLOCKS_MAX } from '../../../../src/control/lookups/block-lines.ts';
import { readLookups } from '../../../../src/control/lookups/read-lookups.ts';
import type { ConfigDocument } from '../../../../src/schema/config.ts';
import type { LookupSpec } from '../../../../src/snapshot/lookup-spec.ts';
import { configOf } from '../../../helpers/start-control.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';

type Lookups = Pick<ConfigDocument, 'addressSets' | 'regions' | 'jwtKeys'>;

interface Pair {
  readonly publicKey: KeyObject;
}

const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const OTHER_EC = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
const SMALL_RSA = generateKeyPairSync('rsa', { modulusLength: 1024 });
const pem = ({ publicKey }: Pair): string => publicKey.export({ type: 'spki', format: 'pem' });
const jwk = ({ publicKey }: Pair): string => JSON.stringify(publicKey.export({ format: 'jwk' }));
const SECRET = 's'.repeat(32);

async function specsOf(lookups: Lookups, files: Record<string, string> = {}): Promise<readonly LookupSpec[]> {
  const read = await readLookups({ ...configOf({}), ...lookups }, temporaryFolder(files));
  expect(read.problems).toEqual([]);
  return read.lookups.map(({ spec }) => spec);
}

describe('an address set', () => {
  it('has the blocks of the configuration and those of its file, which may have comments', async () => {
    const office = { cidrs: ['10.0.0.0/8'], file: './office.txt' };
    const text = '# the office\n\n  192.0.2.7   # the printer\r\n2001:db8::/32\n';
    const [set] = await specsOf({ addressSets: { office } }, { 'office.txt': text });
    const table = new AddressTable((set as LookupSpec & { kind: 'address-set' }).table);
    const inside = ['10.1.2.3', '192.0.2.7', '2001:db8::1', '192.0.2.8', '11.0.0.1', '2001:db9::1'];
    expect(inside.map((address) => table.find(address) >= 0)).toEqual([true, true, true, false, false, false]);
  });
});

describe('a map of regions', () => {
  it('gives the innermost label, of the configuration or of the file', async () => {
    const country = { header: 'x-country', ranges: { de: ['10.0.0.0/8'] }, file: 'countries.txt' };
    const [map] = await specsOf({ regions: { country } }, { 'countries.txt': '10.1.0.0/16 fr\n10.2.0.0/16 de\n' });
    const { header, labels, table } = map as LookupSpec & { kind: 'region-map' };
    const labelOf = (address: string): string | undefined => labels[new AddressTable(table).find(address)];
    expect(header).toBe('x-country');
    expect(['10.9.9.9', '10.1.9.9', '10.2.9.9', '11.0.0.1'].map(labelOf)).toEqual(['de', 'fr', 'de', undefined]);
  });
});

describe('a key of tokens', () => {
  it.each([
    ['ES256', pem(EC)],
    ['ES256', jwk(EC)],
    ['RS256', pem(RSA)],
    ['RS256', jwk(RSA)],
  ] as const)('for %s is read from PEM and from a JWK', async (algorithm, text) => {
    const [key] = await specsOf({ jwtKeys: { k: { algorithm, file: 'key' } } }, { key: text });
    expect(key).toMatchObject({ kind: 'jwt-key', algorithm, leewayMs: 30_000, issuer: '', audience: '' });
    expect(key).toHaveProperty('key', pem(algorithm === 'ES256' ? EC : RSA));
  });

  it('that is shared is read without the end of its line', async () => {
    const [key] = await specsOf({ jwtKeys: { k: { algorithm: 'HS256', file: 'key' } } }, { key: `${SECRET}\n` });
    expect(key).toHaveProperty('key', SECRET);
  });
});

describe('a file that cannot be used', () => {
  const set = (text: string) => [{ addressSets: { s: { file: 'f' } } }, text] as const;
  const map = (text: string) => [{ regions: { s: { file: 'f' } } }, text] as const;
  const key = (algorithm: 'HS256' | 'RS256' | 'ES256', text: string) =>
    [{ jwtKeys: { s: { algorithm, file: 'f' } } }, text] as const;

  it.each<[problem: string, asked: readonly [Lookups, string | null]]>([
    ['there is no such file', [set('')[0], null]],
    ['has no CIDR block or address in line 2, but "10.0.0.0/33"', set('10.0.0.1\n10.0.0.0/33\n')],
    ['has "de" behind the block in line 1', set('10.0.0.1 de\n')],
    [`has more than ${BLOCKS_MAX} blocks`, set('10.0.0.1\n'.repeat(BLOCKS_MAX + 1))],
    ['has no label behind the block in line 1', map('10.0.0.1\n')],
    ['has a label of more than 63 characters behind the block in line 1', map(`10.0.0.1 ${'x'.repeat(64)}\n`)],
    ['holds a secret of less than 32 characters', key('HS256', 'short')],
    ['HS256 needs a shared secret', key('HS256', pem(RSA))],
    ['holds no public key in PEM or as JWK', key('ES256', 'something')],
    ['holds no public key in PEM or as JWK', key('ES256', '{}')],
    ['holds a set of keys', key('ES256', '{"keys":[]}')],
    ['holds a private key', key('ES256', EC.privateKey.export({ type: 'pkcs8', format: 'pem' }))],
    ['holds a private key', key('ES256', JSON.stringify(EC.privateKey.export({ format: 'jwk' })))],
    ['holds no RSA key of 2048 bits or more', key('RS256', pem(EC))],
    ['holds no RSA key of 2048 bits or more', key('RS256', pem(SMALL_RSA))],
    ['holds no key on the curve P-256', key('ES256', pem(OTHER_EC))],
    ['holds no key on the curve P-256', key('ES256', pem(RSA))],
  ])('%s', async (problem, [lookups, text]) => {
    const folder = temporaryFolder(text === null ? {} : { f: text });
    const { problems } = await readLookups({ ...configOf({}), ...lookups }, folder);
    const [field = ''] = Object.keys(lookups);
    expect(problems).toEqual([{ path: `/${field}/s/file`, message: expect.stringContaining(problem) as string }]);
  });
});

describe('a configuration', () => {
  it.each<[lookups: Lookups, problem: string]>([
    [{ addressSets: { s: {} } }, '/addressSets/s says nothing'],
    [{ regions: { s: {} } }, '/regions/s says nothing'],
    [{ jwtKeys: { s: { algorithm: 'HS256' } } }, '/jwtKeys/s needs exactly one of "secret" and "file"'],
    [{ jwtKeys: { s: { algorithm: 'RS256', secret: SECRET } } }, '/jwtKeys/s/secret is for HS256; RS256 needs "file"'],
    [{ addressSets: { s: { cidrs: ['10.0.0.0/33'] } } }, '/addressSets/s/cidrs/0 must be'],
  ])('%j is refused', (lookups, problem) => {
    const { problems } = checkConfig({ ...configOf({}), ...lookups });
    expect(problems.map(({ path, message }) => `${path} ${message}`)).toEqual([expect.stringContaining(problem)]);
  });

  it('names what its rules look things up in, and hears where there is no such thing', () => {
    const pools = { only: { targets: [{ url: 'http://127.0.0.1:3001' }] } };
    const rules = [{ name: 'r', when: { clientIp: ['ofice'] }, pool: 'only' }];
    const config = { ...configOf({ shop: { pools, rules } }), addressSets: { office: { cidrs: ['10.0.0.1'] } } };
    expect(checkConfig(config).problems).toEqual([
      {
        path: '/services/shop/rules/0/when/clientIp/0',
        message: 'there is no address set "ofice"; did you mean "office"?',
      },
    ]);
    expect(checkConfig({ ...config, addressSets: { ofice: { cidrs: ['10.0.0.1'] } } }).problems).toEqual([]);
  });
});
