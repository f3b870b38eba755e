import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';

import { CidrSet, isCidr } from '../../../src/base/cidr.ts';

describe('a set of address blocks', () => {
  const set = new CidrSet(['10.0.0.0/8', '203.0.113.7', '192.168.1.128/25', '2001:db8::/33', 'fd00::1']);

  it.each([
    '10.0.0.0',
    '10.255.255.255',
    '203.0.113.7',
    '192.168.1.128',
    '192.168.1.255',
    '::ffff:10.1.2.3',
    '::FFFF:a01:203',
    '0:0:0:0:0:ffff:0a01:0203',
    '2001:db8::1',
    '2001:db8:7fff::',
    'fd00::1',
    'FD00:0:0:0:0:0:0:1',
    'fd00::1%eth0',
  ])('has %s', (address) => {
    expect(set.has(address)).toBe(true);
  });

  it.each([
    '9.255.255.255',
    '11.0.0.0',
    '203.0.113.8',
    '192.168.1.127',
    '::ffff:11.1.2.3',
    '2001:db8:8000::',
    '2001:db9::',
    'fd00::2',
    '::10.0.0.1',
  ])('has not %s', (address) => {
    expect(set.has(address)).toBe(false);
  });

  it.each([
    '',
    '10',
    '10.1',
    '10.0.0',
    '10.0.0.',
    '.10.0.0.1',
    '10.0.0.0.1',
    '010.0.0.1',
    '10.0.0.256',
    '10.0.0.1 ',
    '10.0.0.1/8',
    '0x0a.0.0.1',
    '167772161',
    'localhost',
    '::1::',
    '10..0.1',
  ])('has not %j, which is no address', (address) => {
    expect(set.has(address)).toBe(false);
  });

  it('is everything with /0, in the family of the block only', () => {
    expect(new CidrSet(['0.0.0.0/0']).has('255.1.2.3')).toBe(true);
    expect(new CidrSet(['0.0.0.0/0']).has('::1')).toBe(false);
    expect(new CidrSet(['::/0']).has('2001:db8::1')).toBe(true);
    expect(new CidrSet(['::/0']).has('10.0.0.1')).toBe(false);
  });

  it('takes a mapped block as the IPv4 block that it is', () => {
    expect(new CidrSet(['::ffff:10.0.0.0/104']).has('10.9.9.9')).toBe(true);
    expect(new CidrSet(['::ffff:10.0.0.0/104']).has('11.9.9.9')).toBe(false);
  });

  it('is empty without blocks', () => {
    expect(new CidrSet([]).isEmpty).toBe(true);
    expect(new CidrSet([]).has('10.0.0.1')).toBe(false);
    expect(new CidrSet(['::1']).isEmpty).toBe(false);
  });

  it('agrees with ipaddr.js about any block and address', () => {
    const v4 = fc.ipV4();
    const v6 = fc.ipV6();
    fc.assert(
      fc.property(v4, fc.integer({ min: 0, max: 32 }), v4, (network, prefixBits, address) => {
        const expected = ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parse(network), prefixBits);
        return new CidrSet([`${network}/${prefixBits}`]).has(address) === expected;
      }),
    );
    fc.assert(
      fc.property(v6, fc.integer({ min: 0, max: 128 }), v6, (network, prefixBits, address) => {
        const isMapped = [network, address].some((text) => ipaddr.IPv6.parse(text).isIPv4MappedAddress());
        const expected = ipaddr.IPv6.parse(address).match(ipaddr.IPv6.parse(network), prefixBits);
        return isMapped || new CidrSet([`${network}/${prefixBits}`]).has(address) === expected;
      }),
    );
  });

  it.each([
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0/8',
    '::/129',
    '::ffff:10.0.0.0/90',
    'shop/8',
    '/8',
    '',
  ])('refuses the block %j', (block) => {
    expect(isCidr(block)).toBe(false);
    expect(() => new CidrSet([block])).toThrow('not an address or CIDR block');
  });
});
