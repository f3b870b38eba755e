import { parseDuration } from '../base/duration.ts';
import { parseRate } from '../base/rate.ts';
import { parseSize } from '../base/size.ts';
import type { ServiceConfig } from '../schema/service.ts';
import type { AdmissionSpec, BreakerSpec, PauseSpec, RateLimitSpec, RetrySpec } from './protection-spec.ts';

export function compileRetries({ retries }: ServiceConfig): RetrySpec {
  const { on, budget, backoff, perTryTimeout } = retries;
  return {
    triesMax: retries.tries,
    onConnect: on.includes('connect'),
    onReusedConnection: on.includes('reused-connection'),
    onReset: on.includes('reset'),
    onStatus: on.filter((reason) => typeof reason === 'number'),
    budgetPercent: budget.percent,
    budgetMin: budget.min,
    perTryMs: perTryTimeout === 'none' ? 0 : parseDuration(perTryTimeout),
    backoffBaseMs: parseDuration(backoff.base),
    backoffMaxMs: parseDuration(backoff.max),
    idempotencyKey: retries.idempotencyKey,
  };
}

export function compileBreaker({ breaker }: ServiceConfig): BreakerSpec | null {
  if (breaker === undefined) return null;
  return {
    ofPool: breaker.per.includes('pool'),
    ofTarget: breaker.per.includes('target'),
    failurePercent: breaker.failurePercent,
    minimum: breaker.minimum,
    windowMs: parseDuration(breaker.window),
    openMs: parseDuration(breaker.open),
    recoverMs: parseDuration(breaker.recover),
  };
}

export function compileRateLimit({ rateLimit }: ServiceConfig): RateLimitSpec | null {
  if (rateLimit === undefined) return null;
  const { key } = rateLimit;
  const colon = key.indexOf(':');
  const name = colon < 0 ? '' : key.slice(colon + 1);
  const kind = key.startsWith('header:') ? 'header' : key.startsWith('cookie:') ? 'cookie' : 'client-ip';
  const perSecond = parseRate(rateLimit.rate);
  return {
    kind,
    // Field names are compared without regard to case (RFC 9110 section 5.1).
    name: kind === 'header' ? name.toLowerCase() : name,
    perSecond,
    burst: rateLimit.burst ?? Math.max(1, Math.ceil(perSecond)),
    keysMax: rateLimit.keys,
  };
}

export function compileAdmission({ limits, timeouts }: ServiceConfig): AdmissionSpec | null {
  if (limits.inFlightPerTarget === undefined) return null;
  return {
    targetInFlightMax: limits.inFlightPerTarget,
    queueMax: limits.queue,
    queueMs: parseDuration(timeouts.queue),
  };
}

export function compilePause({ pause, health }: ServiceConfig): PauseSpec | null {
  if (pause === undefined) return null;
  return {
    timeoutMs: parseDuration(pause.timeout),
    requestsMax: pause.requests,
    bytesMax: parseSize(pause.bytes),
    resumeOverMs: parseDuration(pause.resumeOver),
    healthPath: pause.healthPath ?? health?.path ?? '',
  };
}
