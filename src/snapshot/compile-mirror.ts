/** From a mirror as operators write it to one as the data plane serves it. */
import { parseDuration } from '../base/duration.ts';
import { parseSize } from '../base/size.ts';
import type { ConditionDocument } from '../schema/condition.ts';
import type { ServiceConfig } from '../schema/service.ts';
import { compileCondition } from './compile-rules.ts';
import type { MirrorSpec } from './types.ts';

/**
 * Fields by which servers commonly know a caller, and tokens that go with them. Proxy-Authorization, which is for the next
 * proxy, passes to no target at all.
 */
const CREDENTIALS = [
  'api-key',
  'authorization',
  'cookie',
  'x-amz-security-token',
  'x-api-key',
  'x-auth-token',
  'x-csrf-token',
  'x-goog-iap-jwt-assertion',
  'x-xsrf-token',
] as const;

/** `salt` is that of the split. */
export function compileMirror({ mirror }: ServiceConfig, salt: string): MirrorSpec | null {
  if (mirror === undefined) return null;
  return {
    pool: mirror.pool,
    share: Math.round(mirror.percent * 100),
    salt: `${salt} mirror`,
    when: mirror.when === undefined ? null : compileCondition(mirror.when as ConditionDocument, ''),
    unsafeMethods: mirror.unsafeMethods,
    withheld: [...new Set([...(mirror.credentials === 'strip' ? CREDENTIALS : []), ...mirror.removeHeaders])],
    concurrencyMax: mirror.concurrency,
    bodyBytesMax: parseSize(mirror.bodyBytes),
    answerBytesMax: parseSize(mirror.answerBytes),
    timeoutMs: parseDuration(mirror.timeout),
  };
}
