import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';

import ipaddr from 'ipaddr.js';

import { type Endpoint, arrivesAt } from './endpoint.ts';
import { isForbiddenAddress } from './forbidden-address.ts';

/** `code` of the error where a name leads only to addresses that are refused. */
export const REFUSED_ADDRESS_CODE = 'EREFUSEDADDRESS';

/** All addresses of a name, as `dns.lookup` gives them. */
export type Resolve = (
  name: string,
  options: { readonly all: true; readonly family?: number | 'IPv4' | 'IPv6'; readonly hints?: number },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Keeps connections to targets away from where none may go: from forbidden addresses, and from this proxy itself.
 *
 * A target that is named by its address was checked when it was configured. One that is named by a name can lead
 * anywhere, and somewhere else each time (DNS rebinding): so the addresses that a name has are checked whenever it is looked
 * up, and the connection is made to one of just those.
 */
export class TargetGuard {
  readonly #own: readonly Endpoint[];
  readonly #resolve: Resolve;

  /** `own`: where this proxy listens itself. */
  constructor(own: readonly Endpoint[] = [], resolve: Resolve = systemLookup) {
    this.#own = own;
    this.#resolve = resolve;
  }

  /** Whether no connection may be made to this IP address. */
  refuses(address: string, port: number): boolean {
    const plain = withoutMapping(address);
    return isForbiddenAddress(plain) || this.#own.some((own) => arrivesAt(own, plain, port));
  }

  /** For the `lookup` of a connection to `port`. */
  lookup(port: number): LookupFunction {
    return (name, { all, family, hints }, callback) => {
      const options = {
        all: true as const,
        ...(family === undefined ? {} : { family }),
        ...(hints === undefined ? {} : { hints }),
      };
      this.#resolve(name, options, (error, addresses) => {
        if (error !== null) return callback(error, [], 0);
        const allowed = addresses.filter(({ address }) => !this.refuses(address, port));
        const [first] = allowed;
        if (first === undefined) return callback(refusal(name), [], 0);
        return all === true ? callback(null, allowed) : callback(null, first.address, first.family);
      });
    };
  }
}

/** An IPv4 address that comes as "::ffff:10.0.0.1" is connected to as 10.0.0.1. */
function withoutMapping(address: string): string {
  return ipaddr.IPv6.isValid(address) ? ipaddr.process(address).toString() : address;
}

function refusal(name: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(`${JSON.stringify(name)} leads to no address that may be a target`);
  error.code = REFUSED_ADDRESS_CODE;
  return error;
}
