import { parseDuration } from '../base/duration.ts';
import type { ServiceConfig } from '../schema/service.ts';
import type { SlowStartSpec } from './wellness-spec.ts';

export function compileSlowStart({ slowStart }: ServiceConfig): SlowStartSpec | null {
  if (slowStart === undefined) return null;
  return {
    durationMs: parseDuration(slowStart.duration),
    aggression: slowStart.aggression,
    minShare: slowStart.minWeightPercent / 100,
  };
}
