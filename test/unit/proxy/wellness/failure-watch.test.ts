import { describe, expect, it } from 'vitest';
import { type Ending, FailureWatch } from '../../../../src/proxy/wellness/failure-watch.ts';
import type { EjectionSpec } from '../../../../src/snapshot/wellness-spec.ts';

const SPEC: EjectionSpec = {
  unreachableMax: 3,
  failuresMax: 5,
  failurePercent: 0,
  minimum: 20,
  windowMs: 10_000,
  durationMs: 30_000,
  durationMsMax: 300_000,
  maxPercent: 50,
};

const LETTERS: Readonly<Record<string, Ending>> = { w: 'well', f: 'failed', u: 'unreachable' };

/** The first verdict on requests that ended as these letters say, and after how many it came. */
function verdict(endings: string, spec: Partial<EjectionSpec> = {}, apartMs = 1): string {
  const watch = new FailureWatch();
  for (const [index, letter] of Array.from(endings).entries()) {
    const reason = watch.record(LETTERS[letter] ?? 'well', { ...SPEC, ...spec }, index * apartMs);
    if (reason !== null) return `${reason} after ${index + 1}`;
  }
  return 'none';
}

describe('a target is taken out', () => {
  it.each([
    ['when it could not be talked to three times in a row', 'wuuu', 'unreachable after 4'],
    ['when five requests in a row have failed in any way', 'wfufuf', 'failures after 6'],
    ['not when what failed was not in a row', 'uuwuuwffffwffff', 'none'],
    ['not when it could be talked to in between', 'uufu', 'none'],
    ['not when it is well', 'wwwwwwwwww', 'none'],
  ])('%s', (_, endings, expected) => {
    expect(verdict(endings)).toBe(expected);
  });

  it('never for what is turned off', () => {
    expect(verdict('u'.repeat(100), { unreachableMax: 0, failuresMax: 0 })).toBe('none');
    expect(verdict('f'.repeat(100), { unreachableMax: 1, failuresMax: 0 })).toBe('none');
  });

  it('for a share of failures, once there are enough requests to tell', () => {
    const every2nd = { failuresMax: 0, failurePercent: 50, minimum: 20 };
    expect(verdict('fw'.repeat(50), every2nd)).toBe('failure-share after 21');
    expect(verdict('fww'.repeat(50), every2nd)).toBe('none');
    expect(verdict('fw'.repeat(50), { ...every2nd, failurePercent: 60 })).toBe('none');
  });

  it('not for failures that have left the window', () => {
    const spec = { failuresMax: 0, unreachableMax: 0, failurePercent: 50, minimum: 20 };
    // A second apart, there are never more than eleven within ten seconds.
    expect(verdict('f'.repeat(60), spec, 1_000)).toBe('none');
    expect(verdict('f'.repeat(60), spec, 400)).toBe('failure-share after 20');
  });

  it('anew, after what was seen was cleared', () => {
    const watch = new FailureWatch();
    for (let i = 0; i < 2; i += 1) watch.record('unreachable', SPEC, i);
    watch.clear();
    expect(watch.record('unreachable', SPEC, 3)).toBeNull();
    expect(watch.record('unreachable', SPEC, 4)).toBeNull();
    expect(watch.record('unreachable', SPEC, 5)).toBe('unreachable');
  });
});
