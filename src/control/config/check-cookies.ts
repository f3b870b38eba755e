import { closestName } from '../../base/closest-name.ts';
import { pointerOf } from '../../schema/problem.ts';
import type { Problem } from '../../schema/problem.ts';
import type { ServiceDocument } from '../../schema/service.ts';

interface CookieDocument {
  readonly cookie: string;
  readonly domain?: string;
  readonly path?: string;
}

/** What browsers would refuse or nobody would ever be given. Paths count from the service. */
export function checkCookies(service: ServiceDocument): Problem[] {
  const { affinity, sticky } = service;
  const issue = affinity?.issue;
  const problems: Problem[] = [];
  if (sticky !== undefined) problems.push(...checkAttributes('/sticky', sticky, service));
  if (affinity === undefined || issue === undefined) return problems;
  problems.push(...checkAttributes('/affinity/issue', issue, service), ...checkIssue(issue.cookie, affinity.key));
  if (issue.cookie === sticky?.cookie) {
    const message = 'is the name of the sticky cookie too; the two would overwrite each other';
    problems.push({ path: '/affinity/issue/cookie', message });
  }
  return problems;
}

function checkIssue(cookie: string, keys: readonly string[]): Problem[] {
  const key = `cookie:${cookie}`;
  const at = keys.indexOf(key);
  if (at < 0) {
    const meant = closestName(
      key,
      keys.filter((one) => one.startsWith('cookie:')),
    );
    const right = meant === null ? `put "${key}" into "key"` : `did you mean "${meant.slice('cookie:'.length)}"?`;
    return [
      { path: '/affinity/issue/cookie', message: `is none of the keys, so that it would tell nothing; ${right}` },
    ];
  }
  const address = keys.indexOf('client-ip');
  if (address < 0 || address > at) return [];
  const message = `tells of every request who the user is, so that "${cookie}" would never be issued; put "${key}" before it`;
  return [{ path: pointerOf('affinity', 'key', address), message }];
}

function checkAttributes(
  path: string,
  { cookie, domain, path: below }: CookieDocument,
  service: ServiceDocument,
): Problem[] {
  const problems: Problem[] = [];
  // RFC 6265bis section 4.1.3.2.
  if (/^__Host-/i.test(cookie) && (domain !== undefined || (below ?? '/') !== '/')) {
    const field = domain === undefined ? 'path' : 'domain';
    const message = `must be left out: browsers refuse a "__Host-" cookie with a ${field} of its own`;
    problems.push({ path: `${path}/${field}`, message });
  }
  const outside = domain === undefined ? undefined : service.match?.hosts?.find((host) => !isWithin(host, domain));
  if (outside !== undefined) {
    const message = `must be a domain that all hosts of the service are in: browsers refuse it from "${outside}"`;
    problems.push({ path: `${path}/domain`, message });
  }
  return problems;
}

/** `host` may be a wildcard. */
function isWithin(host: string, domain: string): boolean {
  const name = host.startsWith('*.') ? host.slice(2) : host;
  return name === domain || name.endsWith(`.${domain}`);
}
