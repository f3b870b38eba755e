import { parseDuration } from '../../base/duration.ts';
import { type Problem, pointerOf, problemsUnder } from '../../schema/problem.ts';
import type { HealthDocument } from '../../schema/health.ts';
import type { ServiceDocument } from '../../schema/service.ts';
import { UNTOUCHABLE } from './check-shape.ts';

/** What a schema cannot see of how a service finds out which targets are well. Paths count from the service. */
export function checkWellness({ health, ejection, warmUp }: ServiceDocument): Problem[] {
  return [
    ...(health === undefined ? [] : problemsUnder('/health', checkHealth(health))),
    ...(ejection === undefined ? [] : problemsUnder('/ejection', checkDurations(ejection))),
    ...(warmUp?.requests ?? []).flatMap(({ headers = {} }, i) =>
      problemsUnder(pointerOf('warmUp', 'requests', i, 'headers'), checkHeaders(headers)),
    ),
  ];
}

/** A setting that a check of this kind never looks at would be one that seems to work. */
const HTTP_ONLY = ['method', 'path', 'host', 'headers', 'status', 'bodyContains'] as const;

function checkHealth(health: HealthDocument): Problem[] {
  if (health.type === 'tcp') {
    const message = 'is a setting of checks by http, and these only connect (type: tcp)';
    return HTTP_ONLY.filter((name) => Object.hasOwn(health, name)).map((name) => {
      return { path: pointerOf(name), message, atKey: true };
    });
  }
  const problems = checkHeaders(health.headers ?? {});
  const bodiless = health.bodyContains !== undefined && health.method === 'HEAD';
  return [
    ...problemsUnder('/headers', problems),
    ...(Object.hasOwn(health.headers ?? {}, 'host')
      ? [{ path: '/headers/host', message: 'has a setting of its own: "host", beside "headers"', atKey: true }]
      : []),
    ...(bodiless ? [{ path: '/bodyContains', message: 'needs a body, and answers to HEAD have none; use GET' }] : []),
  ];
}

function checkHeaders(headers: Readonly<Record<string, string>>): Problem[] {
  return Object.keys(headers)
    .filter((name) => UNTOUCHABLE.has(name))
    .map((name) => ({ path: pointerOf(name), message: 'is written by the proxy alone', atKey: true }));
}

function checkDurations({ duration = '30s', durationMax = '5m' }: NonNullable<ServiceDocument['ejection']>): Problem[] {
  if (parseDuration(duration) <= parseDuration(durationMax)) return [];
  return [{ path: '/durationMax', message: `is ${durationMax}, less than the first ejection lasts (${duration})` }];
}
