import { networkInterfaces } from 'node:os';

import { CidrSet } from './cidr.ts';

/** Where something listens, or is connected to. */
export interface Endpoint {
  /** An IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** "127.0.0.1", "::1", "localhost": what only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || loopback.has(host);
}

const loopback = new CidrSet(['127.0.0.0/8', '::1']);

/** Whether listening on `any` takes what arrives at `host` too. Node opens "::" for both families. */
export function isWithin(any: string, host: string): boolean {
  return any === '::' || (any === '0.0.0.0' && !host.includes(':'));
}

/** Whether a connection to `host`:`port` arrives at what listens on `own`, as far as names tell without being looked up. */
export function arrivesAt(own: Endpoint, host: string, port: number): boolean {
  if (port !== own.port) return false;
  if (host === own.host) return true;
  if (isWithin(own.host, host)) return isLoopback(host) || ownAddresses().includes(host);
  // "localhost" is one of the loopback addresses, and the system decides which.
  return isLoopback(own.host) && isLoopback(host) && (own.host === 'localhost' || host === 'localhost');
}

/** Of this machine, at this moment: interfaces come and go. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((interfaces) => interfaces?.map(({ address }) => address) ?? []);
}
