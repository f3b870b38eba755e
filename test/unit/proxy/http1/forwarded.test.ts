import { describe, expect, it } from 'vitest';
import { parseForwarded } from '../../../../src/proxy/http1/forwarded.ts';

const element = (node: string, host = '', proto = '') => ({ for: node, host, proto });

describe('parseForwarded', () => {
  it.each([
    ['for=192.0.2.1', [element('192.0.2.1')]],
    ['For=192.0.2.1;PROTO=https;by=203.0.113.43', [element('192.0.2.1', '', 'https')]],
    ['for="[2001:db8::1]:4711"', [element('[2001:db8::1]:4711')]],
    ['for=192.0.2.1, for=unknown,for=_hidden', [element('192.0.2.1'), element('unknown'), element('_hidden')]],
    ['host="shop.test:8080"; for=192.0.2.1', [element('192.0.2.1', 'shop.test:8080')]],
    ['for="a\\"b,c;d"', [element('a"b,c;d')]],
    [' , for=192.0.2.1 ,, ', [element('192.0.2.1')]],
    ['', []],
  ])('reads %j', (value, elements) => {
    expect(parseForwarded(value)).toEqual(elements);
  });

  it.each([
    'for',
    'for=',
    '=192.0.2.1',
    'for=[2001:db8::1]',
    'for=192.0.2.1:80',
    'for="192.0.2.1',
    'for="192.0.2.1"x',
    'for = 192.0.2.1',
    'for=192.0.2.1 proto=https',
    'for=1.1.1.1;for=2.2.2.2',
    'for="\\',
    '6.6.6.6',
  ])('refuses %j as a whole', (value) => {
    expect(parseForwarded(`${value}`)).toBeNull();
    expect(parseForwarded(`for=192.0.2.1, ${value}`)).toBeNull();
  });

  it('refuses a list longer than any row of proxies', () => {
    expect(parseForwarded(Array.from({ length: 256 }, () => 'for=192.0.2.1').join())).toHaveLength(256);
    expect(parseForwarded(Array.from({ length: 257 }, () => 'for=192.0.2.1').join())).toBeNull();
  });
});
