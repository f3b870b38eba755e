import { expect, test } from 'vitest';

import { isForbiddenAddress } from '../../../src/base/forbidden-address.ts';

test.each([
  ['this network', '0.0.0.0'],
  ['this network, which Linux takes for itself', '0.1.2.3'],
  ['unspecified', '::'],
  ['link-local, where metadata services are', '169.254.169.254'],
  ['link-local', '169.254.0.1'],
  ['link-local', 'fe80::1'],
  ['link-local with its interface', 'fe80::1%eth0'],
  ['link-local, the last of them', 'febf:ffff::1'],
  ['multicast', '224.0.0.1'],
  ['multicast', '239.255.255.255'],
  ['multicast', 'ff02::1'],
  ['broadcast', '255.255.255.255'],
  ['metadata of AWS', 'fd00:ec2::254'],
  ['metadata of Google', 'fd20:ce::254'],
  ['metadata of Azure', '168.63.129.16'],
  ['metadata of Alibaba', '100.100.100.200'],
  ['metadata of Oracle', '192.0.0.192'],
  ['mapped', '::ffff:169.254.169.254'],
  ['mapped, in hexadecimal', '::ffff:a9fe:a9fe'],
  ['mapped, in full', '0:0:0:0:0:ffff:a9fe:a9fe'],
  ['compatible', '::a9fe:a9fe'],
  ['compatible, with dots', '::169.254.169.254'],
  ['translated', '::ffff:0:a9fe:a9fe'],
  ['through NAT64', '64:ff9b::a9fe:a9fe'],
  ['through NAT64 of a local prefix', '64:ff9b:1::a9fe:a9fe'],
  ['through 6to4', '2002:a9fe:a9fe::1'],
])('%s: %s is forbidden', (_what, address) => {
  expect(isForbiddenAddress(address)).toBe(true);
});

test.each([
  '127.0.0.1',
  '::1',
  '10.0.0.1',
  '169.253.255.255',
  '169.255.0.1',
  '223.255.255.255',
  '240.0.0.1',
  'fec0::1',
  'fd00:ec2::253',
  '::ffff:10.0.0.1',
  '::7f00:1',
  '64:ff9b::a00:1',
  '2002:a00:1::1',
  '2001:db8::a9fe:a9fe',
  'metadata.google.internal',
  '',
])('%s is not', (address) => {
  expect(isForbiddenAddress(address)).toBe(false);
});
