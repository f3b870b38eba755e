import type { Socket } from 'node:net';
import { expect, it } from 'vitest';

import { AllowedHosts } from '../../../../src/control/admin/request-guard.ts';

const socketAt = (localAddress: string, localPort: number): Socket => ({ localAddress, localPort }) as Socket;
const LOOPBACK = socketAt('127.0.0.1', 9900);

function allowed(scheme: 'http' | 'https', port: number, ...further: string[]): AllowedHosts {
  const hosts = new AllowedHosts(scheme);
  hosts.alsoNamed(further);
  hosts.listensOn(port);
  return hosts;
}

it('nobody may call before it is said where the API listens', () => {
  const hosts = new AllowedHosts('http');
  hosts.alsoNamed(['api.example.com']);
  for (const host of ['', 'localhost', 'localhost:9900', 'api.example.com'])
    expect(hosts.has(host, socketAt('', 0))).toBe(false);
});

it('hosts are exact, with their port', () => {
  const hosts = allowed('http', 9900, 'API.example.com', 'other.example.com:1');
  for (const host of [
    'localhost:9900',
    '127.0.0.1:9900',
    '[::1]:9900',
    'api.example.com:9900',
    'other.example.com:1',
  ]) {
    expect([host, hosts.has(host, LOOPBACK)]).toEqual([host, true]);
  }
  for (const host of [
    'localhost',
    'localhost:99',
    'xlocalhost:9900',
    'localhost:9900.evil',
    'other.example.com:9900',
    '',
  ]) {
    expect([host, hosts.has(host, LOOPBACK)]).toEqual([host, false]);
  }
});

it.each([
  ['http', 80],
  ['https', 443],
] as const)('the port that is the default of %s may be left out, and only that', (scheme, port) => {
  expect(allowed(scheme, port).has('localhost', LOOPBACK)).toBe(true);
  expect(allowed(scheme, port).has(`localhost:${port}`, LOOPBACK)).toBe(true);
  expect(allowed(scheme, port + 1).has('localhost', LOOPBACK)).toBe(false);
});

it('the address that a connection has come to may be named, since no name can be made to say it', () => {
  const hosts = allowed('https', 9900);
  expect(hosts.has('10.0.0.5:9900', socketAt('10.0.0.5', 9900))).toBe(true);
  expect(hosts.has('10.0.0.5:9900', socketAt('::ffff:10.0.0.5', 9900))).toBe(true);
  expect(hosts.has('[2001:db8::5]:9900', socketAt('2001:db8::5', 9900))).toBe(true);
  expect(hosts.has('10.0.0.6:9900', socketAt('10.0.0.5', 9900))).toBe(false);
});

it('an Origin of ours has our scheme and one of our hosts', () => {
  const hosts = allowed('https', 9900, 'api.example.com');
  expect(hosts.isOwnOrigin('https://api.example.com:9900', LOOPBACK)).toBe(true);
  for (const origin of ['http://api.example.com:9900', 'https://api.example.com', 'https://evil.example', 'null', '']) {
    expect([origin, hosts.isOwnOrigin(origin, LOOPBACK)]).toEqual([origin, false]);
  }
});

it('a socket file takes any Host, and no Origin', () => {
  const hosts = new AllowedHosts('http');
  hosts.listensOnSocketFile();
  expect(hosts.has('anything', LOOPBACK)).toBe(true);
  expect(hosts.isOwnOrigin('http://localhost', LOOPBACK)).toBe(false);
});
