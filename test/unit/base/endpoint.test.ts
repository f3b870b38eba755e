import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';

import { arrivesAt, isLoopback } from '../../../src/base/endpoint.ts';

const ownAddress = Object.values(networkInterfaces())
  .flatMap((interfaces) => interfaces ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')?.address;

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['127.0.0.1', 'localhost'],
  ['localhost', '::1'],
  ['localhost', '127.0.0.1'],
  ['0.0.0.0', '127.0.0.1'],
  ['0.0.0.0', '127.8.8.8'],
  ['0.0.0.0', 'localhost'],
  ['::', '::1'],
  ['::', '127.0.0.1'],
  ['10.0.0.1', '10.0.0.1'],
])('what listens on %s is reached at %s, on its port alone', (own, host) => {
  expect(arrivesAt({ host: own, port: 9900 }, host, 9900)).toBe(true);
  expect(arrivesAt({ host: own, port: 9900 }, host, 9901)).toBe(false);
});

test.each([
  ['127.0.0.1', '127.0.0.2'],
  ['127.0.0.1', '::1'],
  ['0.0.0.0', '::1'],
  ['0.0.0.0', '192.0.2.1'],
  ['10.0.0.1', '127.0.0.1'],
])('what listens on %s is not reached at %s', (own, host) => {
  expect(arrivesAt({ host: own, port: 9900 }, host, 9900)).toBe(false);
});

test.skipIf(ownAddress === undefined)('what listens on every address is reached at those of this machine', () => {
  expect(arrivesAt({ host: '0.0.0.0', port: 80 }, ownAddress ?? '', 80)).toBe(true);
  expect(arrivesAt({ host: '::', port: 80 }, ownAddress ?? '', 80)).toBe(true);
});

test('only this machine reaches loopback addresses', () => {
  expect(['127.0.0.1', '127.255.0.1', '::1', 'localhost'].every(isLoopback)).toBe(true);
  expect(['128.0.0.1', '0.0.0.0', '::', 'localhost.example.com', 'Localhost', ''].some(isLoopback)).toBe(false);
});
