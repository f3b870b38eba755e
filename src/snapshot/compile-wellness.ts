import { parseDuration } from '../base/duration.ts';
import type { ServiceConfig } from '../schema/service.ts';
import { statusRange } from '../schema/status-range.ts';
import type { WarmUpConfig } from '../schema/warm-up.ts';
import type { EjectionSpec, SlowStartSpec, WarmUpSpec } from './wellness-spec.ts';

export function compileEjection({ ejection }: ServiceConfig): EjectionSpec | null {
  if (ejection === undefined) return null;
  return {
    unreachableMax: ejection.unreachable,
    failuresMax: ejection.failures,
    failurePercent: ejection.failurePercent ?? 0,
    minimum: ejection.minimum,
    windowMs: parseDuration(ejection.window),
    durationMs: parseDuration(ejection.duration),
    durationMsMax: parseDuration(ejection.durationMax),
    maxPercent: ejection.maxPercent,
  };
}

export function compileSlowStart({ slowStart }: ServiceConfig): SlowStartSpec | null {
  if (slowStart === undefined) return null;
  return {
    durationMs: parseDuration(slowStart.duration),
    aggression: slowStart.aggression,
    minShare: slowStart.minWeightPercent / 100,
  };
}

export function compileWarmUp(warmUp: WarmUpConfig): WarmUpSpec {
  return {
    requests: warmUp.requests.map(({ path, headers, status }) => ({
      path,
      headers: Object.entries(headers),
      statuses: status.map(statusRange),
    })),
    perTarget: warmUp.perTarget,
    connections: warmUp.connections,
    timeoutMs: parseDuration(warmUp.timeout),
  };
}
