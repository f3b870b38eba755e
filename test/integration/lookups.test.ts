/** What a client sees of rules that look something up: address sets, regions, groups that a token names. */
import { createHmac, createSign, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

import { HttpClient } from '../helpers/http-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { appService, type ProxySetup, startProxy } from '../helpers/start-proxy.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';
import type { RuleConfiguration } from '../../src/index.ts';

type When = Exclude<RuleConfiguration['when'], (...args: never) => unknown>;

/** Requests that `when` lets through go to green. */
async function startLookups(when: When, lookups: NonNullable<ProxySetup['lookups']>, trustedProxies: string[] = []) {
  const [blue, green] = [await startBackend('blue'), await startBackend('green')];
  const services = appService({ blue, green }, { rules: [{ name: 'r', when: when as never, pool: 'green' }] });
  const proxy = await startProxy({ services, lookups, trustedProxies });
  /** The pool that answers. */
  return async (fields: Record<string, string>, localAddress = '127.0.0.1'): Promise<string | null> => {
    const client = await HttpClient.connect(proxy.port, { localAddress });
    const response = await client.request({ fields: Object.entries(fields) });
    client.close();
    return response.field('x-version');
  };
}

test('an address set holds clients by the blocks of its file', async () => {
  const folder = temporaryFolder({ 'office.txt': '127.0.0.8/31 # the office\n' });
  const office = { file: path.join(folder, 'office.txt') };
  const asked = await startLookups({ clientIp: ['192.0.2.1', 'office'] }, { addressSets: { office } });
  expect([await asked({}, '127.0.0.9'), await asked({}, '127.0.0.10')]).toEqual(['green', 'blue']);
});

test('a region is found by the address, and told only by proxies that are trusted', async () => {
  const country = { header: 'x-country', ranges: { de: ['127.0.0.8/32'], fr: ['127.0.0.0/24'] } };
  const asked = await startLookups({ region: { map: 'country', in: ['de'] } }, { regions: { country } }, ['127.0.0.7']);
  expect(await asked({}, '127.0.0.8')).toBe('green');
  expect(await asked({}, '127.0.0.9')).toBe('blue');
  expect(await asked({ 'X-Country': 'de' }, '127.0.0.9')).toBe('blue');
  expect(await asked({ 'X-Country': 'de' }, '127.0.0.7')).toBe('green');
  expect(await asked({ 'X-Country': 'fr', 'X-Forwarded-For': '127.0.0.8' }, '127.0.0.7')).toBe('blue');
  expect(await asked({ 'X-Forwarded-For': '127.0.0.8' }, '127.0.0.7')).toBe('green');
});

const SECRET = 'a secret of more than 32 characters';
const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const OTHER = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = (key: KeyObject): string => key.export({ type: 'spki', format: 'pem' }) as string;

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const token = (header: object, claims: object, signed: (content: string) => Buffer): string => {
  const content = `${encoded(header)}.${encoded(claims)}`;
  return `${content}.${signed(content).toString('base64url')}`;
};
const hmac = (key: string) => (content: string) => createHmac('sha256', key).update(content).digest();
const es256 = (key: KeyObject) => (content: string) =>
  sign('sha256', Buffer.from(content), { key, dsaEncoding: 'ieee-p1363' });
const rs256 = (key: KeyObject) => (content: string) => createSign('sha256').update(content).sign(key);
const unsigned = (): Buffer => Buffer.alloc(0);

const BETA = { groups: ['staff', 'beta'], iss: 'accounts', aud: ['shop', 'blog'] };
const now = (): number => Math.floor(Date.now() / 1000);

async function startGroups(algorithm: 'HS256' | 'ES256' | 'RS256') {
  const key = pem((algorithm === 'ES256' ? EC : RSA).publicKey);
  const file = path.join(temporaryFolder({ 'key.pem': key }), 'key.pem');
  const by = algorithm === 'HS256' ? { secret: SECRET } : { file };
  const jwtKeys = { accounts: { algorithm, ...by, issuer: 'accounts', audience: 'shop', leeway: '10s' } };
  const userGroup = { jwt: { key: 'accounts', claim: 'groups' }, in: ['beta'] };
  const asked = await startLookups({ userGroup }, { jwtKeys });
  return (text: string, scheme = 'Bearer') => asked({ Authorization: `${scheme} ${text}` });
}

describe('a token that names the group', () => {
  test.each([
    ['HS256', hmac(SECRET)],
    ['ES256', es256(EC.privateKey)],
    ['RS256', rs256(RSA.privateKey)],
  ] as const)('counts where it is signed with %s', async (alg, signed) => {
    const asked = await startGroups(alg);
    expect(await asked(token({ alg, kid: 'any' }, BETA, signed))).toBe('green');
    expect(await asked(token({ alg }, BETA, signed), 'bearer')).toBe('green');
    expect(await asked(token({ alg }, { ...BETA, exp: now() + 60, nbf: now() - 60 }, signed))).toBe('green');
    expect(await asked(token({ alg }, { ...BETA, groups: 'beta' }, signed))).toBe('green');
    expect(await asked(token({ alg }, { ...BETA, groups: ['betas'] }, signed))).toBe('blue');
    expect(await asked(token({ alg }, { ...BETA, groups: { beta: true } }, signed))).toBe('blue');
  });

  test('does not count where anything about it is wrong', async () => {
    const asked = await startGroups('ES256');
    const [alg, signed] = ['ES256', es256(EC.privateKey)] as const;
    const good = token({ alg }, BETA, signed);
    const [head = '', body = '', signature = ''] = good.split('.');
    const forged: Readonly<Record<string, string>> = {
      'without a signature': token({ alg: 'none' }, BETA, unsigned),
      'that says it is signed and is not': token({ alg }, BETA, unsigned),
      'of another key': token({ alg }, BETA, es256(OTHER.privateKey)),
      'signed with the public key as if it were a secret': token({ alg: 'HS256' }, BETA, hmac(pem(EC.publicKey))),
      'signed so, under the name of the right algorithm': token({ alg }, BETA, hmac(pem(EC.publicKey))),
      'that brings its own key': token(
        { alg, jwk: OTHER.publicKey.export({ format: 'jwk' }) },
        BETA,
        es256(OTHER.privateKey),
      ),
      'in DER': token({ alg }, BETA, (content) => sign('sha256', Buffer.from(content), EC.privateKey)),
      'with other claims': `${head}.${encoded({ ...BETA, sub: 'me' })}.${signature}`,
      'with another head': `${encoded({ alg, typ: 'JWT' })}.${body}.${signature}`,
      'with more behind it': `${good}.${signature}`,
      'with half a signature': good.slice(0, -20),
      'that has expired': token({ alg }, { ...BETA, exp: now() - 60 }, signed),
      'that is not valid yet': token({ alg }, { ...BETA, nbf: now() + 60 }, signed),
      'that ends at no time at all': token({ alg }, { ...BETA, exp: 'never' }, signed),
      'of another issuer': token({ alg }, { ...BETA, iss: 'others' }, signed),
      'for another audience': token({ alg }, { ...BETA, aud: 'blog' }, signed),
      'that needs what is not known here': token({ alg, crit: ['b64'], b64: false }, BETA, signed),
      'that holds no claims': token({ alg }, ['beta'], signed),
      'of nothing': '..',
    };
    const answers: Record<string, string | null> = {};
    for (const [what, text] of Object.entries(forged)) answers[what] = await asked(text);
    expect(answers).toEqual(Object.fromEntries(Object.keys(forged).map((what) => [what, 'blue'])));
    expect(await asked(good)).toBe('green');
    expect(await asked(good, 'Basic')).toBe('blue');
  });
});
