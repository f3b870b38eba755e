import { describe, expect, it } from 'vitest';
import { FIELD } from '../../../../src/proxy/http1/fields.ts';
import { Origin } from '../../../../src/proxy/origin.ts';
import { PathMapping } from '../../../../src/proxy/shape/path-mapping.ts';
import { ReverseMapping } from '../../../../src/proxy/shape/reverse-mapping.ts';

const TARGETS = [
  { host: 'app.internal', port: 3001 },
  { host: '10.0.0.1', port: 80 },
  { host: '2001:db8::1', port: 3002 },
  { host: '127.0.0.1', port: 3003 },
];
const SHOP = new Origin('192.0.2.1', false, 'https', '').direct('shop.test:8443');

function mapping(strip = '', add = '', spec = {}): ReverseMapping {
  const all = { locations: true, cookies: true, names: ['app.alias', 'other.alias:9000'], ...spec };
  return new ReverseMapping(all, TARGETS, new PathMapping(strip, add));
}

describe('a location', () => {
  it.each([
    ['http://app.internal:3001/x?y#z', 'https://shop.test:8443/x?y#z'],
    ['HTTP://App.Internal:3001/X', 'https://shop.test:8443/X'],
    ['https://app.internal:3001/', 'https://shop.test:8443/'],
    ['http://app.internal:3001', 'https://shop.test:8443'],
    ['http://app.internal:3001?q', 'https://shop.test:8443?q'],
    ['//app.internal:3001/x', '//shop.test:8443/x'],
    ['http://10.0.0.1/x', 'https://shop.test:8443/x'],
    ['http://10.0.0.1:80/x', 'https://shop.test:8443/x'],
    ['//10.0.0.1/x', '//shop.test:8443/x'],
    ['http://[2001:DB8::1]:3002/x', 'https://shop.test:8443/x'],
    ['http://localhost:3003/x', 'https://shop.test:8443/x'],
    ['http://[::1]:3003/x', 'https://shop.test:8443/x'],
    ['http://app.alias/x', 'https://shop.test:8443/x'],
    ['https://app.alias/x', 'https://shop.test:8443/x'],
    ['http://other.alias:9000/x', 'https://shop.test:8443/x'],
  ])('%s at a target becomes %s', (value, mapped) => {
    expect(mapping().map(FIELD.location, value, SHOP)).toBe(mapped);
    expect(mapping().map(FIELD['content-location'], value, SHOP)).toBe(mapped);
  });

  it.each([
    'http://app.internal:3002/x',
    'http://app.internal/x',
    'https://10.0.0.1/x',
    'http://elsewhere.test:3001/x',
    'http://app.internal.evil.test:3001/x',
    'http://user@app.internal:3001/x',
    'http://user:app.internal:3001@evil.test/x',
    'http://evil.test\\@app.internal:3001/x',
    'http:\\\\app.internal:3001/x',
    'http:/app.internal:3001/x',
    'ws://app.internal:3001/x',
    'javascript://app.internal:3001/%0aalert(1)',
    'app.internal:3001/x',
    'x/y',
    '../x',
    '?x',
    '',
    '/x',
    '/\\app.internal:3001/x',
    '///app.internal:3001/x',
    'http://app.alias:9001/x',
  ])('%j is left as it is', (value) => {
    expect(mapping().map(FIELD.location, value, SHOP)).toBe(value);
  });

  it.each([
    ['/api', '', '/x?y', '/api/x?y'],
    ['/api', '', '/', '/api/'],
    ['/api', '', '/?q', '/api/?q'],
    ['/api', '', '/api/x', '/api/x'],
    ['/api', '', '/apix', '/api/apix'],
    ['/api', '', 'http://app.internal:3001', 'https://shop.test:8443/api/'],
    ['/api', '', 'http://app.internal:3001/x', 'https://shop.test:8443/api/x'],
    ['/api', '', '//elsewhere.test/x', '//elsewhere.test/x'],
    ['/api', '/v2', '/v2/x', '/api/x'],
    ['/api', '/v2', '/v2', '/api'],
    ['/api', '/v2', '/v2?q', '/api?q'],
    ['/api', '/v2', '/v20/x', '/v20/x'],
    ['/api', '/v2', '/other', '/other'],
    ['/api', '/v2', 'http://app.internal:3001/other', 'https://shop.test:8443/other'],
    ['/api', '/api/v2', '/api/v2/x', '/api/x'],
    ['', '/v2', '/v2/x', '/x'],
    ['', '/v2', '/v2', '/'],
    ['/api', '', 'x/y', 'x/y'],
  ])('with %j stripped and %j added, %s becomes %s', (strip, add, value, mapped) => {
    expect(mapping(strip, add).map(FIELD.location, value, SHOP)).toBe(mapped);
  });
});

describe('a refresh', () => {
  it.each([
    ['5; url=http://app.internal:3001/x', '5; url=https://shop.test:8443/api/x'],
    ['5;URL = "http://app.internal:3001/x" ; more', '5;URL = "https://shop.test:8443/api/x" ; more'],
    ["0, '/x'", "0, '/api/x'"],
    ['5; /x', '5; /api/x'],
    ['5; url="/x', '5; url="/api/x'],
    ['5', '5'],
    ['5; url=http://elsewhere.test/x', '5; url=http://elsewhere.test/x'],
    ['', ''],
    ['nonsense', 'nonsense'],
  ])('%s becomes %s', (value, mapped) => {
    expect(mapping('/api').map(FIELD.refresh, value, SHOP)).toBe(mapped);
  });
});

describe('a cookie', () => {
  it.each([
    ['a=1', 'a=1'],
    ['a=1; Path=/; HttpOnly', 'a=1; Path=/api; HttpOnly'],
    ['a=1; path=/x', 'a=1; path=/api/x'],
    ['a=1;Path=/x/', 'a=1;Path=/api/x/'],
    ['a=1; Path=/api', 'a=1; Path=/api'],
    ['a=1; Path=x', 'a=1; Path=x'],
    ['a=1; Path=', 'a=1; Path='],
    ['a=1; Path', 'a=1; Path'],
    ['a=1; Domain=app.internal; Secure', 'a=1; Domain=shop.test; Secure'],
    ['a=1; DOMAIN = .App.Internal', 'a=1; DOMAIN =shop.test'],
    ['a=1; Domain=localhost', 'a=1; Domain=shop.test'],
    ['a=1; Domain=internal', 'a=1; Domain=internal'],
    ['a=1; Domain=evil-app.internal', 'a=1; Domain=evil-app.internal'],
    ['a=1; Domain=app.internal; Domain=app.alias', 'a=1; Domain=shop.test; Domain=shop.test'],
    ['path=/x; Path=/y', 'path=/x; Path=/api/y'],
    [
      'a="; Path=/x"; Expires=Thu, 01 Jan 2030 00:00:00 GMT;;',
      'a="; Path=/api/x"; Expires=Thu, 01 Jan 2030 00:00:00 GMT;;',
    ],
    ['', ''],
  ])('%s becomes %s', (value, mapped) => {
    expect(mapping('/api').map(FIELD['set-cookie'], value, SHOP)).toBe(mapped);
  });

  it.each(['192.0.2.9', '192.0.2.9:8080', '[2001:db8::9]', '[2001:db8::9]:8080'])(
    'belongs to the host alone where the client asked for %s',
    (authority) => {
      const from = new Origin('192.0.2.1', false, 'http', '').direct(authority);
      expect(mapping().map(FIELD['set-cookie'], 'a=1; Domain=app.internal; Secure', from)).toBe('a=1; Secure');
    },
  );
});

describe('what is switched off', () => {
  it('is left as it is', () => {
    const locations = mapping('/api', '', { locations: false });
    expect(locations.map(FIELD.location, 'http://app.internal:3001/x', SHOP)).toBe('http://app.internal:3001/x');
    expect(locations.map(FIELD.refresh, '5; url=/x', SHOP)).toBe('5; url=/x');
    expect(locations.map(FIELD['set-cookie'], 'a=1; Path=/', SHOP)).toBe('a=1; Path=/api');
    const cookies = mapping('/api', '', { cookies: false });
    expect(cookies.map(FIELD['set-cookie'], 'a=1; Path=/', SHOP)).toBe('a=1; Path=/');
    expect(cookies.map(FIELD.location, '/x', SHOP)).toBe('/api/x');
  });
});

describe('the path that a target is asked for', () => {
  it.each([
    ['/api', '', '/api/x?y', '/x?y'],
    ['/api', '', '/api', '/'],
    ['/api', '', '/api?y', '/?y'],
    ['/api', '', '/apix', '/apix'],
    ['/api', '/v2', '/api/x', '/v2/x'],
    ['/api', '/v2', '/api', '/v2/'],
    ['', '/v2', '/x', '/v2/x'],
    ['', '/v2', '*', '*'],
    ['', '', '/x', '/x'],
  ])('with %j stripped and %j added, %s is %s', (strip, add, asked, target) => {
    expect(new PathMapping(strip, add).toTarget(asked)).toBe(target);
  });
});
