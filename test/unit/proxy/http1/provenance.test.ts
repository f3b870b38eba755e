import { describe, expect, it } from 'vitest';
import { CidrSet } from '../../../../src/base/cidr.ts';
import { bareAddress, provenanceOf } from '../../../../src/proxy/http1/provenance.ts';
import { RequestHead } from '../../../../src/proxy/http1/request-head.ts';
import { Origin, type Provenance } from '../../../../src/proxy/origin.ts';

const TRUSTED = new CidrSet(['10.0.0.0/8', '2001:db8:ffff::/48']);

function provenance(fields: readonly string[], peer = '10.0.0.1'): Provenance {
  const head = new RequestHead({ requestLineBytesMax: 8192, fieldsMax: 64 });
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: shop.test\r\n${fields.map((line) => `${line}\r\n`).join('')}\r\n`);
  expect(head.read(bytes, 0, bytes.length)).toBe('done');
  expect(head.interpret()).toBeNull();
  return provenanceOf(head, new Origin(peer, TRUSTED.has(peer), 'http', '192.0.2.9:8080'), head.authority, TRUSTED);
}

function said({ fields }: Provenance, name: string): string | undefined {
  return fields
    .split('\r\n')
    .find((line) => line.startsWith(`${name}: `))
    ?.slice(name.length + 2);
}

describe('the client', () => {
  it.each([
    ['is the peer where nobody is named', [], '10.0.0.1'],
    ['is the last address that is not trusted', ['X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.0.0.2'], '192.0.2.7'],
    ['is the first one where all are trusted', ['X-Forwarded-For: 10.0.0.3, 10.0.0.2'], '10.0.0.3'],
    ['may be named with a port', ['X-Forwarded-For: 192.0.2.7:4711'], '192.0.2.7'],
    ['may be an IPv6 address', ['X-Forwarded-For: 2001:DB8:0:0::7'], '2001:db8::7'],
    ['may stand in brackets', ['X-Forwarded-For: [2001:db8::7]:4711, 2001:db8:ffff::1'], '2001:db8::7'],
    ['may be an IPv4 address in other clothes', ['X-Forwarded-For: ::ffff:192.0.2.7'], '192.0.2.7'],
    ['in any of them', ['X-Forwarded-For: ::FFFF:c000:207'], '192.0.2.7'],
    ['is not looked for behind what is no address', ['X-Forwarded-For: 192.0.2.7, unknown, 10.0.0.2'], '10.0.0.2'],
    ['nor behind junk', ['X-Forwarded-For: 192.0.2.7, <script>'], '10.0.0.1'],
    ['nor behind what only looks like one', ['X-Forwarded-For: 192.0.2.7, 999.0.0.1'], '10.0.0.1'],
    ['nor behind nothing', ['X-Forwarded-For: 192.0.2.7,'], '10.0.0.1'],
    [
      'is read from several lines as from one',
      ['X-Forwarded-For: 192.0.2.7', 'X-Forwarded-For: 10.0.0.2'],
      '192.0.2.7',
    ],
    ['may be named by Forwarded', ['Forwarded: for=6.6.6.6, for="192.0.2.7:1";proto=https, for=10.0.0.2'], '192.0.2.7'],
    ['as IPv6 there', ['Forwarded: for="[2001:db8::7]:80"'], '2001:db8::7'],
    ['not behind a hidden one', ['Forwarded: for=192.0.2.7, for=_secret'], '10.0.0.1'],
    ['nor by a Forwarded that breaks its grammar', ['Forwarded: for=192.0.2.7, for='], '10.0.0.1'],
    ['may be named by X-Real-IP', ['X-Real-IP: 192.0.2.7'], '192.0.2.7'],
    ['not by two of them', ['X-Real-IP: 192.0.2.7', 'X-Real-IP: 192.0.2.8'], '10.0.0.1'],
    [
      'is named by X-Forwarded-For first',
      ['Forwarded: for=6.6.6.6', 'X-Real-IP: 6.6.6.7', 'X-Forwarded-For: 192.0.2.7'],
      '192.0.2.7',
    ],
    [
      'even if that names nobody',
      ['Forwarded: for=6.6.6.6', 'X-Real-IP: 6.6.6.7', 'X-Forwarded-For: unknown'],
      '10.0.0.1',
    ],
    ['then by Forwarded', ['X-Real-IP: 6.6.6.7', 'Forwarded: for=192.0.2.7'], '192.0.2.7'],
  ])('%s', (_, fields, client) => {
    expect(provenance(fields).clientAddress).toBe(client);
    expect(said(provenance(fields), 'X-Real-IP')).toBe(client);
  });

  it('is the peer, whatever is said, if the peer is not trusted', () => {
    const lies = [
      'X-Forwarded-For: 10.0.0.1',
      'Forwarded: for=10.0.0.1',
      'X-Real-IP: 10.0.0.1',
      'X-Forwarded-Proto: https',
    ];
    expect(provenance(lies, '192.0.2.66')).toEqual(provenance([], '192.0.2.66'));
    expect(provenance(lies, '192.0.2.66')).toMatchObject({ clientAddress: '192.0.2.66', scheme: 'http' });
  });
});

describe('what the target is told', () => {
  it('is the whole way of an X-Forwarded-For, and the same client by Forwarded', () => {
    const from = provenance([
      'X-Forwarded-For: 6.6.6.6, 192.0.2.7',
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: www.test',
    ]);
    expect(said(from, 'X-Forwarded-For')).toBe('6.6.6.6, 192.0.2.7, 10.0.0.1');
    expect(said(from, 'Forwarded')).toBe(
      'for=192.0.2.7;host=www.test;proto=https, for=10.0.0.1;host=shop.test;proto=http',
    );
  });

  it('is the same client by X-Forwarded-For where Forwarded named it', () => {
    const from = provenance(['Forwarded: for=192.0.2.7;host=www.test;proto=https']);
    expect(from).toMatchObject({ scheme: 'https', authority: 'www.test' });
    expect(said(from, 'X-Forwarded-For')).toBe('192.0.2.7, 10.0.0.1');
    expect(said(from, 'X-Forwarded-Port')).toBe('443');
  });

  it('is not a Forwarded that a proxy has let through unread', () => {
    const from = provenance(['X-Forwarded-For: 192.0.2.7', 'Forwarded: for=6.6.6.6;host=evil.test;proto=https']);
    expect(from).toMatchObject({ scheme: 'http', authority: 'shop.test' });
    expect(from.fields).not.toMatch(/6\.6\.6\.6|evil|https/);
  });

  it('is not a Forwarded whose open quotes would swallow what is added', () => {
    const from = provenance(['Forwarded: for="192.0.2.7']);
    expect(said(from, 'Forwarded')).toBe('for=10.0.0.1;host=shop.test;proto=http');
  });

  it('is not an X-Forwarded-For that holds anything but addresses', () => {
    expect(provenance(['X-Forwarded-For: <script>, 192.0.2.7']).fields).not.toContain('script');
  });

  it.each([
    ['X-Forwarded-Proto: ftp', 'X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Proto: HTTPS', 'X-Forwarded-Proto', 'https'],
    ['X-Forwarded-Proto: https, http', 'X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Host: evil.test/path', 'X-Forwarded-Host', 'shop.test'],
    ['X-Forwarded-Host: www.test:8443', 'X-Forwarded-Port', '8443'],
    ['X-Forwarded-Host: [2001:db8::7]', 'X-Forwarded-Port', '80'],
    ['X-Forwarded-Port: 8443', 'X-Forwarded-Port', '8443'],
    ['X-Forwarded-Port: 99999', 'X-Forwarded-Port', '80'],
    ['X-Forwarded-Port: 80x', 'X-Forwarded-Port', '80'],
  ])('%s makes %s %s', (line, name, value) => {
    expect(said(provenance([line]), name)).toBe(value);
  });
});

describe('bareAddress', () => {
  it.each([
    '',
    'unknown',
    '_x',
    '1.2.3',
    '1.2.3.4.5',
    '[::1',
    '::1]',
    '[::1]:123456',
    'fe80::1%eth0',
    '256.1.1.1',
    ':::',
    'a.b.c.d',
  ])('finds none in %j', (text) => {
    expect(bareAddress(text)).toBeNull();
  });
});
