/**
 * Who says where a request comes from is believed by the address of the peer alone. The attack: a client says of itself
 * that it is inside, or somebody else, by any of the fields that some server believes (CVE-2026-3635 and its like).
 */
import { describe, expect, test } from 'vitest';
import { echo } from '../helpers/echo.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask } from '../helpers/start-client.ts';
import { appService, startProxy } from '../helpers/start-proxy.ts';

const SAYING = [
  'X-Forwarded-For',
  'X-Real-IP',
  'X-Client-IP',
  'X-Cluster-Client-IP',
  'X-Original-Forwarded-For',
  'X-Originating-IP',
  'X-Remote-IP',
  'X-Remote-Addr',
  'True-Client-IP',
  'CF-Connecting-IP',
  'Fastly-Client-IP',
  'Client-IP',
  'Forwarded-For',
  'X_Forwarded_For',
  'X_Real_IP',
  'True_Client_Ip',
] as const;

async function startOffices(trustedProxies: readonly string[]) {
  const [inside, outside] = [await startBackend('inside'), await startBackend('outside')];
  const rules = [{ name: 'inside', when: { clientIp: ['10.0.0.0/8'] }, pool: 'inside' }];
  return startProxy({ services: appService({ outside, inside }, { rules }), trustedProxies });
}

describe('a stranger', () => {
  test.each([
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-Original-Host',
    'X-Url-Scheme',
    'Front-End-Https',
    'X_Original_Url',
  ])('who asks for another URL by %s than the one that was routed is not passed on with it', async (name) => {
    const { port } = await startOffices([]);
    const seen = await echo(port, { fields: [[name, '/admin']] });
    expect(JSON.stringify(seen.fields)).not.toContain('/admin');
  });

  test.each(SAYING)(
    'who names an address by %s is taken for who he is, and the target does not hear of it',
    async (name) => {
      const { port } = await startOffices([]);
      const fields = [[name, '10.6.6.6']] as const;
      expect((await ask(port, { fields })).field('x-version')).toBe('outside');
      const seen = await echo(port, { fields });
      expect(JSON.stringify(seen.fields)).not.toContain('10.6.6.6');
      expect(seen.value('x-real-ip')).toBe('127.0.0.1');
    },
  );

  test('is not believed by Forwarded, nor by what Connection would take away', async () => {
    const { port } = await startOffices([]);
    const fields = [
      ['Forwarded', 'for=10.6.6.6;host=evil.test;proto=https'],
      ['Connection', 'X-Real-IP, X-Forwarded-Port'],
    ] as const;
    const seen = await echo(port, { host: 'shop.test', fields });
    expect(seen.values('forwarded')).toEqual(['for=127.0.0.1;host=shop.test;proto=http']);
    expect(seen.values('x-real-ip')).toEqual(['127.0.0.1']);
    expect(seen.values('x-forwarded-port')).toEqual(['80']);
  });
});

describe('behind a trusted proxy', () => {
  test.each([
    ['X-Forwarded-For', '10.1.1.1', 'inside'],
    ['X-Forwarded-For', '10.1.1.1, 192.0.2.7', 'outside'],
    ['Forwarded', 'for="10.1.1.1:4711"', 'inside'],
    ['Forwarded', 'for=10.1.1.1, for=192.0.2.7', 'outside'],
    ['Forwarded', 'for=10.1.1.1, for="', 'outside'],
    ['X-Real-IP', '10.1.1.1', 'inside'],
    ['X-Real-IP', '10.1.1.1, 192.0.2.7', 'outside'],
    ['True-Client-IP', '10.1.1.1', 'outside'],
  ])('%s: %s is %s', async (name, value, version) => {
    const { port } = await startOffices(['127.0.0.0/8']);
    expect((await ask(port, { fields: [[name, value]] })).field('x-version')).toBe(version);
  });

  test('a client cannot speak by the field that the proxy does not write', async () => {
    const { port } = await startOffices(['127.0.0.0/8']);
    const fields = [
      ['X-Forwarded-For', '192.0.2.7'],
      ['Forwarded', 'for=10.6.6.6'],
      ['X-Real-IP', '10.6.6.6'],
    ] as const;
    expect((await ask(port, { fields })).field('x-version')).toBe('outside');
    const seen = await echo(port, { fields });
    expect(seen.value('x-real-ip')).toBe('192.0.2.7');
    expect(JSON.stringify(seen.fields)).not.toContain('10.6.6.6');
  });
});
