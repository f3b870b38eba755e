import { describe, expect, it } from 'vitest';

import { ShadowRest } from '../../../../src/proxy/upstream/shadow-rest.ts';

/** Fails at once whenever it is tried, once a millisecond; gives how often it was tried within `ms`. */
function triesOfDead(rest: ShadowRest, fromMs: number, ms: number): number {
  let tries = 0;
  for (let nowMs = fromMs; nowMs < fromMs + ms; nowMs += 1) {
    if (rest.isResting(nowMs)) continue;
    tries += 1;
    rest.failed(nowMs);
  }
  return tries;
}

describe('a shadow that does not answer', () => {
  it('is tried less and less, and never less than once in five seconds', () => {
    const rest = new ShadowRest();
    expect(triesOfDead(rest, 0, 250)).toBe(3);
    expect(triesOfDead(rest, 250, 10_000)).toBeLessThan(8);
    expect(triesOfDead(rest, 20_000, 50_000)).toBeGreaterThanOrEqual(10);
  });

  it('is not blamed twice for copies that were under way together', () => {
    const rest = new ShadowRest();
    for (let copy = 0; copy < 64; copy += 1) rest.failed(1_000);
    expect(rest.isResting(1_249)).toBe(true);
    expect(rest.isResting(1_250)).toBe(false);
  });

  it('gets copies again as soon as it has answered one', () => {
    const rest = new ShadowRest();
    for (let copy = 0; copy < 3; copy += 1) rest.failed(1_000);
    rest.answered();
    expect(rest.isResting(1_000)).toBe(false);
    rest.failed(1_000);
    rest.failed(1_000);
    expect(rest.isResting(1_000)).toBe(false);
  });
});
