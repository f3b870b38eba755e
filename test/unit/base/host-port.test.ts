import { describe, expect, it } from 'vitest';

import { formatHostPort, parseHostPort } from '../../../src/base/host-port.ts';

describe('a host with a port', () => {
  it.each([
    ['127.0.0.1:3000', '127.0.0.1', 3000],
    ['App.Internal:80', 'app.internal', 80],
    ['app_1', 'app_1', null],
    ['[::1]:8080', '::1', 8080],
    ['[2001:DB8:0:0::1]', '2001:db8::1', null],
    ['[::ffff:7f00:1]:80', '127.0.0.1', 80],
    ['localhost:0', 'localhost', 0],
  ])('is read from %s', (text, host, port) => {
    expect(parseHostPort(text)).toEqual({ host, port });
  });

  it.each([
    '',
    ':80',
    '::1',
    '::1:80',
    '[::1',
    '[::1]80',
    '[fe80::1%eth0]:80',
    'a:',
    'a:65536',
    'a:080000',
    'a:-1',
    'a:x',
    'a b:80',
    'a..b:80',
    '-a:80',
    '10.1:80',
    '0x7f.0.0.1:80',
    '127.0.0.01:80',
    '1:80',
    'a/b:80',
    'ä:80',
    'x'.repeat(254),
  ])('is not read from %j', (text) => {
    expect(parseHostPort(text)).toEqual({ problem: expect.stringContaining('must') });
  });

  it('is written with brackets around an IPv6 address', () => {
    expect(formatHostPort('::1', 80)).toBe('[::1]:80');
    expect(formatHostPort('app', 80)).toBe('app:80');
  });
});
