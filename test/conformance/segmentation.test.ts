/**
 * TCP has no message borders: whatever the catalogue says has to come out the same however the bytes are cut. Here
 * every case is cut in one way, the ways taking turns; `node test/conformance/full-matrix.ts` cuts each in all of them.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { openPlainProxy } from '../helpers/open-proxy.ts';
import { ALL_CASES, CATALOGUE } from './catalogue.ts';
import { describeVerdict, type Verdict } from './judge.ts';
import { playCatalogue, type Play } from './play-catalogue.ts';
import { SEGMENTATIONS, segmentationName } from './segmentations.ts';

const LANES = 16;
const PLAYS: readonly Play[] = ALL_CASES.map((wireCase, index) => ({
  wireCase,
  pieces: SEGMENTATIONS[index % SEGMENTATIONS.length] ?? 1,
}));
const verdicts = new Map<string, { readonly play: Play; readonly verdict: Verdict }>();

beforeAll(async () => {
  const played = await playCatalogue(PLAYS, { lanes: LANES, openProxy: openPlainProxy });
  played.forEach((verdict, index) => {
    const play = PLAYS[index];
    if (play !== undefined) verdicts.set(play.wireCase.id, { play, verdict });
  });
});

describe.each([...CATALOGUE])('%s, in pieces', (_, cases) => {
  test.each([...cases])('$id', ({ id }) => {
    const played = verdicts.get(id);
    expect(played, 'was not played').toBeDefined();
    if (played === undefined) return;
    const cut = segmentationName(played.play.pieces);
    expect(played.verdict.violations, `cut ${cut}: ${describeVerdict(played.verdict)}`).toEqual([]);
  });
});
