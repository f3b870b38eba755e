/**
 * The catalogue of HTTP/2, in the segments that a client would send and, where that is another reading, byte by byte. Every case
 * is a test of its own; all are played beforehand, side by side, to one proxy.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { ALL_FRAME_CASES, FRAME_CATALOGUE } from './http2/catalogue.ts';
import { type FramePlay, type FrameVerdict, playFrameCases } from './http2/play-frame-cases.ts';

const verdicts = new Map<string, FrameVerdict>();

beforeAll(async () => {
  const plays: FramePlay[] = ALL_FRAME_CASES.flatMap((frameCase) => [
    { frameCase, pieces: 'whole' as const },
    ...(frameCase.isOnce === true ? [] : [{ frameCase, pieces: 1 }]),
  ]);
  const played = await playFrameCases(plays);
  played.forEach((verdict, index) => {
    const play = plays[index];
    if (play !== undefined) verdicts.set(nameOf(play), verdict);
  });
}, 120_000);

function nameOf({ frameCase, pieces }: FramePlay): string {
  return `${frameCase.name}, ${pieces === 'whole' ? 'whole' : 'byte by byte'}`;
}

describe.each([...FRAME_CATALOGUE])('%s', (_, cases) => {
  test.each([...cases])('$name ($source): $why', (frameCase) => {
    const { isOnce } = frameCase;
    for (const pieces of isOnce === true ? (['whole'] as const) : (['whole', 1] as const)) {
      const name = nameOf({ frameCase, pieces });
      const verdict = verdicts.get(name);
      expect(verdict, `${name} was not played`).toBeDefined();
      expect(verdict?.violations, `${name}: ${verdict?.outcome}`).toEqual([]);
    }
  });
});

test('every case has a name of its own', () => {
  expect(new Set(ALL_FRAME_CASES.map(({ name }) => name)).size).toBe(ALL_FRAME_CASES.length);
});
