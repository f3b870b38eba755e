import { describe, expect, it } from 'vitest';

import { createAjv } from '../../../src/schema/ajv.ts';
import { FORMATS } from '../../../src/schema/formats.ts';
import type { Format, FormatName } from '../../../src/schema/formats.ts';

interface Samples {
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

const SAMPLES: Readonly<Record<FormatName, Samples>> = {
  id: {
    good: ['a', '0', 'shop', 'shop-2.eu_west', 'x'.repeat(63)],
    bad: ['', 'Shop', '-a', '.a', '_a', 'a b', 'a/b', 'ä', 'x'.repeat(64), '__proto__', 'constructor', 'a\n'],
  },
  duration: { good: ['0s', '250ms', '1.5s'], bad: ['', '5', 'forever', '597h', '-1s'] },
  rate: {
    good: ['100/s', '1/h', '30/m', '1000000/s'],
    bad: ['', '0/s', '100', '100/d', '1.5/s', '-1/s', '1000001/s', '100 /s'],
  },
  regex: {
    good: ['^/api/v\\d+$', '(?i)beta|alpha', 'a{2,3}'],
    bad: ['(a)\\1', 'a(?=b)', '(', '[z-a]', 'a{300}', '(?:(?:a{100}){100})'],
  },
  'cidr-or-name': {
    good: ['10.0.0.0/8', '::1', 'office', 'office-2'],
    bad: ['', '10.0.0', '10.0.0.0/33', 'Office', ':x'],
  },
  'path-glob': { good: ['/api/*/users', '**', '/a?c'], bad: ['', 'api/*', '/a b', '/a#b', '/ä'] },
  location: {
    good: [
      '/',
      '{path}',
      '/new{rest}?{query}',
      'https://{host}{uri}',
      '{scheme}://www.{host}/x',
      'http://a.example:8080',
    ],
    bad: [
      '',
      'x',
      '//elsewhere.example',
      '{query}',
      '/{user}',
      '/a{',
      'ftp://a.example/',
      'https://{path}',
      'https://a.example{query}',
      'https://{host}{query}',
      'javascript:alert(1)',
      '/a b',
      '/a\r\nSet-Cookie: x',
      '/\\elsewhere.example',
    ],
  },
  'path-template': { good: ['/', '{path}', '/v2{rest}', '/x'], bad: ['', 'x', '/{query}', '/a?b', '/../x', '{host}'] },
  query: { good: ['', 'a=b&c'], bad: ['?a', 'a b', 'a#b', 'a\n'] },
  hours: {
    good: ['09:00-17:00', '22:00-06:00', '00:00-24:00'],
    bad: ['', '9:00-17:00', '09:00', '09:00-09:00', '24:00-25:00', '09:60-10:00'],
  },
  'time-zone': { good: ['UTC', 'Europe/Berlin'], bad: ['', 'Mars/Olympus'] },
  'error-status': { good: ['400', '599', '4xx', '5xx'], bad: ['', '200', '600', '3xx', '5XX', '50', '503-504', 'all'] },
  timeout: { good: ['1ms', '1h'], bad: ['0s', '0ms', '5', 'none'] },
  'timeout-or-none': { good: ['none', '1s'], bad: ['0s', 'None', ''] },
  size: { good: ['0B', '1KiB'], bad: ['', '1', '1KB', '1.5MiB'] },
  limit: { good: ['1B', '64KiB'], bad: ['0B', '0KiB', 'none'] },
  'limit-or-none': { good: ['none', '1MiB'], bad: ['0B', 'unlimited'] },
  'listen-address': {
    good: ['0.0.0.0:8080', '[::]:0', '[::1]:65535', 'localhost:80'],
    bad: ['', ':8080', '8080', '127.0.0.1', '127.0.0.1:65536', '::1:80', 'http://0.0.0.0:80', 'unix:/run/x.sock'],
  },
  'admin-address': {
    good: ['127.0.0.1:9900', 'unix:/run/cutover.sock', `unix:/${'x'.repeat(106)}`],
    bad: ['unix:cutover.sock', 'unix:/run/', 'unix:', `unix:/${'x'.repeat(107)}`, ':9900'],
  },
  function: {
    good: [
      './rules.ts#isTester',
      '/etc/cutover/rules.mjs?v=0f3a#default',
      'c.ts#/services/app/rules/0/when',
      'a.js#$x',
    ],
    bad: [
      '',
      './rules.ts',
      './rules.ts#',
      '#isTester',
      'rules.ts#a-b',
      'rules.ts#1a',
      'a.ts#b#c',
      'a.ts?x=1#b',
      'a.ts#b()',
    ],
  },
  'target-url': {
    good: ['http://127.0.0.1:3000', 'http://app', 'HTTP://app:80/', 'http://[::1]:3000'],
    bad: [
      '',
      'app:3000',
      'https://app:3000',
      'ftp://app',
      'http://',
      'http://:80',
      'http://user@app:80',
      'http://app:0',
      'http://app:80/path',
      'http://app:80?x',
      'http://app:80#x',
      'http://127.1:80',
      'http://0177.0.0.1:80',
      'http://2130706433:80',
      'http://ap p:80',
      'http://app:80\r\nX: y',
    ],
  },
  'host-pattern': {
    good: ['shop.example.com', '*.example.com', 'localhost', '127.0.0.1', '[::1]', 'xn--zo-fka.example'],
    bad: [
      '',
      '*',
      '*.',
      '*.*.com',
      'a.*.com',
      'Shop.example.com',
      'shop.example.com:80',
      'zoë.example',
      'a b',
      '[::0001]',
      '*.[::1]',
      'a..b',
      'a.',
    ],
  },
  'path-prefix': {
    good: ['/', '/api', '/api/', '/a%20b'],
    bad: ['', 'api', '/a?b', '/a#b', '/a b', '/a/../b', '/.', '/ä'],
  },
  'request-path': { good: ['/', '/healthz?full=1'], bad: ['healthz', '/a b', '/a#b', '/a\r\nX: y', ''] },
  cidr: { good: ['10.0.0.0/8', '::/0', '203.0.113.7'], bad: ['10.0.0.0/33', '10/8', 'office', ''] },
  'field-name': { good: ['x-group', 'accept'], bad: ['', 'X-Group', 'x group', 'x:', '__proto__', 'constructor', 'ä'] },
  'field-value': { good: ['', 'beta', 'a b', 'Zoë'], bad: [' beta', 'beta ', 'a\nb', 'a\x00', 'a\x7fb', '☃'] },
  token: { good: ['uid', 'WebSocket', 'a_b'], bad: ['', 'a b', 'a=b', 'a;b', 'ä'] },
  'affinity-key': {
    good: ['client-ip', 'cookie:uid', 'header:X-User'],
    bad: ['', 'cookie', 'cookie:', 'cookie:a b', 'client-ip:x', 'ip', 'Header:x'],
  },
  'max-age-or-none': {
    good: ['none', '1s', '90s', '30m', '12h', '365d', '400d'],
    bad: ['', '0s', '401d', '1.5h', '30', '100ms', '1w', '-1d', '1h; Secure'],
  },
  'cookie-domain': {
    good: ['example.com', 'shop.example.com', 'localhost'],
    bad: ['', '.example.com', '*.example.com', 'Example.com', '127.0.0.1', '[::1]', 'example.com:80', 'a.com; Path=/'],
  },
  'cookie-path': {
    good: ['/', '/shop', '/a/b/', '/a%3Bb'],
    bad: ['', 'shop', '/a;Secure', '/a b', '/a\r\nX: y', '/ä'],
  },
  'hash-key': {
    good: ['path', 'client-ip', 'cookie:uid', 'header:X-User'],
    bad: ['', 'query', 'path:x', 'cookie:', 'header'],
  },
  'status-range': {
    good: ['200', '200-299', '301-301'],
    bad: ['', '99', '600', '299-200', '200-', '2xx', '200-299-300'],
  },
  'host-header': { good: ['app', 'App.example:8080', '[::1]:80'], bad: ['', 'a b', 'a:b', '*.example.com', 'a\r\nb'] },
  sha256: {
    good: ['0123456789abcdef'.repeat(4)],
    bad: ['', 'a'.repeat(63), 'a'.repeat(65), 'A'.repeat(64), 'g'.repeat(64), `sha256:${'a'.repeat(64)}`],
  },
  timestamp: {
    good: ['2031-01-31T00:00:00Z', '2031-01-31T23:59:59.123+02:00'],
    bad: ['', '2031-01-31', '2031-01-31T00:00:00', '2031-13-01T00:00:00Z', 'tomorrow', '2031-01-31 00:00:00Z'],
  },
  'subject-alt-name': {
    good: ['dns:ci.example.com', 'uri:spiffe://example.com/ci', 'email:ops@example.com', 'ip:10.0.0.1'],
    bad: ['', 'ci.example.com', 'dns:', 'dns:*.example.com', 'cn:ci', 'DNS:ci', 'dns:a b', 'dns:ci\n'],
  },
};

const cases = Object.entries(SAMPLES).flatMap(([name, { good, bad }]) => [
  ...good.map((text) => ({ name, text, isGood: true })),
  ...bad.map((text) => ({ name, text, isGood: false })),
]);

describe('a format', () => {
  it.each(cases)('$name: $text is valid: $isGood', ({ name, text, isGood }) => {
    const problem = (FORMATS as Readonly<Record<string, Format>>)[name]?.(text);
    if (isGood) expect(problem).toBeNull();
    else expect(problem).toMatch(/^must /);
  });

  it('is asked by every Ajv instance', () => {
    const ajv = createAjv({ fillDefaults: false, allErrors: false });
    for (const { name, text, isGood } of cases) {
      expect(ajv.validate({ type: 'string', format: name }, text), `${name}: ${text}`).toBe(isGood);
    }
  });

  it.each([
    [0, true],
    [100, true],
    [33.33, true],
    [0.07, true],
    [0.29, true],
    [99.99, true],
    [33.333, false],
    [-1, false],
    [100.01, false],
    [Number.NaN, false],
    [Infinity, false],
  ])('percent: %d is valid: %s', (value, isGood) => {
    const ajv = createAjv({ fillDefaults: false, allErrors: false });
    expect(ajv.validate({ type: 'number', format: 'percent' }, value)).toBe(isGood);
  });
});
