import { expect, test } from 'vitest';
import { ClientCounts } from '../../../../src/proxy/listener/client-counts.ts';

test('connections are counted for each client until they leave', () => {
  const counts = new ClientCounts();
  for (const address of ['192.0.2.1', '192.0.2.1', '192.0.2.2']) counts.enter(address);
  expect(counts.of('192.0.2.1')).toBe(2);
  expect(counts.of('192.0.2.2')).toBe(1);
  expect(counts.of('192.0.2.3')).toBe(0);
  counts.leave('192.0.2.1');
  expect(counts.of('192.0.2.1')).toBe(1);
});

test('nothing is kept of a client that has left', () => {
  const counts = new ClientCounts();
  for (let i = 0; i < 256; i += 1) counts.enter(`192.0.2.${i}`);
  for (let i = 0; i < 256; i += 1) counts.leave(`192.0.2.${i}`);
  expect(counts.size).toBe(0);
});

test.each([
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff:1:2:3', true],
  ['2001:db8:1:2::', '2001:db8:1:2::9', true],
  ['2001:db8::1', '2001:db8:0:0:8000::', true],
  ['::1', '::2', true],
  ['2001:db8:1::1', '2001:db8:2::1', false],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
  ['fe80::1%eth0', 'fe80::2%eth0', true],
  ['192.0.2.1', '192.0.2.2', false],
])('%s and %s are one client: %s', (one, other, isSame) => {
  const counts = new ClientCounts();
  counts.enter(one);
  expect(counts.of(other)).toBe(isSame ? 1 : 0);
});
