import { type Endpoint, arrivesAt, isWithin } from '../../base/endpoint.ts';
import { formatHostPort } from '../../base/host-port.ts';
import { parseListenAddress } from '../../schema/listen-address.ts';

/** An address that this proxy listens on itself. */
export interface OwnAddress {
  /** As messages say it. */
  readonly name: string;
  readonly isReachedAt: (host: string, port: number) => boolean;
}

/** What of a configuration says where this proxy listens. */
export interface Listening {
  readonly listeners?: Readonly<Record<string, { readonly listen: string; readonly protocol?: string }>>;
  readonly admin?: { readonly listen?: string };
}

/** What a target must not be: a proxy that sends requests to itself, or to its own admin API. */
export function ownAddresses(config: Listening): OwnAddress[] {
  const addresses = Object.entries(config.listeners ?? {}).map(([name, listener]) =>
    ownAddress(`the listener "${name}"`, listener.listen),
  );
  if (config.admin?.listen !== undefined) addresses.push(ownAddress('the admin API', config.admin.listen));
  return addresses.filter((address) => address !== null);
}

/** The same, for connections to names, whose addresses are only known when they are made. */
export function ownEndpoints(config: Listening): Endpoint[] {
  const listeners = Object.values(config.listeners ?? {}).map(({ listen }) => listen);
  return [...listeners, config.admin?.listen ?? ''].map(endpointOf).filter((endpoint) => endpoint !== null);
}

/** Whether both addresses can be listened on at once. */
export function isSameSocket(a: string, b: string): boolean {
  const [first, second] = [parseListenAddress(a), parseListenAddress(b)];
  if ('problem' in first || 'problem' in second) return a === b;
  if (first.port !== second.port || first.port === 0) return false;
  return first.host === second.host || isWithin(first.host, second.host) || isWithin(second.host, first.host);
}

function ownAddress(kind: string, listen: string): OwnAddress | null {
  const own = endpointOf(listen);
  if (own === null) return null;
  return {
    name: `${kind} (${formatHostPort(own.host, own.port)})`,
    isReachedAt: (host, port) => arrivesAt(own, host, port),
  };
}

/** `null`: a socket file has no port that a target could name, and neither has a port that is yet to be chosen. */
function endpointOf(listen: string): Endpoint | null {
  const own = parseListenAddress(listen);
  return 'problem' in own || own.port === 0 ? null : own;
}
