import { CidrSet } from '../../base/cidr.ts';
import { formatHostPort } from '../../base/host-port.ts';
import type { ConfigDocument } from '../../schema/config.ts';
import { parseListenAddress } from '../../schema/listen-address.ts';

/** An address that this proxy listens on itself. */
export interface OwnAddress {
  /** As messages say it. */
  readonly name: string;
  readonly isReachedAt: (host: string, port: number) => boolean;
}

/** What a target must not be: a proxy that sends requests to itself, or to its own admin API. */
export function ownAddresses(config: Partial<Pick<ConfigDocument, 'listeners' | 'admin'>>): OwnAddress[] {
  const addresses = Object.entries(config.listeners ?? {}).map(([name, listener]) =>
    ownAddress(`the listener "${name}"`, listener.listen),
  );
  if (config.admin?.listen !== undefined) addresses.push(ownAddress('the admin API', config.admin.listen));
  return addresses.filter((address) => address !== null);
}

/** Whether both addresses can be listened on at once. */
export function isSameSocket(a: string, b: string): boolean {
  const [first, second] = [parseListenAddress(a), parseListenAddress(b)];
  if ('problem' in first || 'problem' in second) return a === b;
  if (first.port !== second.port || first.port === 0) return false;
  return first.host === second.host || isWithin(first.host, second.host) || isWithin(second.host, first.host);
}

/** "127.0.0.1", "::1", "localhost": what only this machine reaches. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || loopback.has(host);
}

const loopback = new CidrSet(['127.0.0.0/8', '::1']);

/** Whether listening on `any` takes what arrives at `host` too. Node opens "::" for both families. */
function isWithin(any: string, host: string): boolean {
  return any === '::' || (any === '0.0.0.0' && !host.includes(':'));
}

function ownAddress(kind: string, listen: string): OwnAddress | null {
  const own = parseListenAddress(listen);
  // A socket file has no port that a target could name, and neither has a port that is yet to be chosen.
  if ('problem' in own || own.port === 0) return null;
  return {
    name: `${kind} (${formatHostPort(own.host, own.port)})`,
    isReachedAt: (host, port) => port === own.port && (host === own.host || isSameMachine(own.host, host)),
  };
}

function isSameMachine(ownHost: string, host: string): boolean {
  if (!isLoopback(host)) return false;
  return isWithin(ownHost, host) || (isLoopback(ownHost) && (ownHost === 'localhost' || host === 'localhost'));
}
