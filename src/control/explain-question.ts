import { isIP } from 'node:net';

import { assert } from '../base/assert.ts';
import type { DescribedRequest } from '../schema/explain.ts';
import { type Problem, pointerOf } from '../schema/problem.ts';
import { parseRequestUrl } from '../schema/request-url.ts';
import type { ExplainQuestion } from '../snapshot/explain.ts';

/** Whom a request comes from where nothing is said: this machine. */
const DEFAULT_CLIENT = '127.0.0.1';

/** What is wrong with a described request that has passed its schema. */
export function describedProblems(described: DescribedRequest): Problem[] {
  const { url, clientIp = DEFAULT_CLIENT } = described;
  const parsed = parseRequestUrl(url);
  const message = 'must be an IP address, such as "203.0.113.9" or "2001:db8::1"';
  return [
    ...('problem' in parsed ? [{ path: '/url', message: parsed.problem }] : []),
    ...('problem' in parsed || parsed.scheme !== 'tcp' ? [] : ofRequestsOnly(described)),
    ...(isIP(clientIp) === 0 ? [{ path: '/clientIp', message }] : []),
  ];
}

/** Of a connection nothing is known but where it comes from, and by which listener: the URL names that. */
function ofRequestsOnly(described: DescribedRequest): Problem[] {
  return (['method', 'headers', 'cookies', 'listener'] as const)
    .filter((name) => described[name] !== undefined)
    .map((name) => ({
      path: pointerOf(name),
      message: 'is of a request, and the URL describes a connection',
      atKey: true,
    }));
}

/** A described request without problems, as a data plane is asked about it. */
export function explainQuestion(described: DescribedRequest): ExplainQuestion {
  const { method = 'GET', url, headers = {}, cookies = {}, clientIp = DEFAULT_CLIENT, listener = null } = described;
  const parsed = parseRequestUrl(url);
  assert(!('problem' in parsed), 'the URL was looked at before');
  const pairs = Object.entries(cookies).map(([name, value]) => `${name}=${String(value)}`);
  const fields = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((one) => [name, one] as const),
  );
  return {
    method,
    ...parsed,
    fields: pairs.length === 0 ? fields : [...fields, ['Cookie', pairs.join('; ')]],
    peer: clientIp,
    listener: parsed.scheme === 'tcp' ? parsed.authority : listener,
  };
}
