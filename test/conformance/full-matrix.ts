/**
 * Plays every case of the catalogue whole and in every segmentation, and says where the outcomes differ or are wrong.
 * Usage: node test/conformance/full-matrix.ts [part of an id]
 */
import { openPlainProxy } from '../helpers/open-proxy.ts';
import { ALL_CASES } from './catalogue.ts';
import { describeVerdict, type Verdict } from './judge.ts';
import { playCatalogue, type Play } from './play-catalogue.ts';
import { SEGMENTATIONS, segmentationName } from './segmentations.ts';

const LANES = 16;

/** Accepted, refused or broken off: how much of a refused request has reached the target hangs on the segments. */
function kindOf({ outcome, status }: Verdict): string {
  switch (outcome) {
    case 'forward':
    case 'respond':
      return `accepted ${status}`;
    case 'reject':
    case 'close':
    case 'abort-upstream':
      return 'refused';
    case 'bad-gateway':
    case 'abort-client':
      return 'broken off';
    case 'hang':
      // Waiting for what would make it wrong, where the case allows to wait.
      return 'refused';
  }
}

const wanted = process.argv[2] ?? '';
const cases = ALL_CASES.filter(({ id }) => id.includes(wanted));
const plays: Play[] = cases.flatMap((wireCase) =>
  (['whole', ...SEGMENTATIONS] as const).map((pieces) => ({ wireCase, pieces })),
);
const verdicts = await playCatalogue(plays, { lanes: LANES, openProxy: openPlainProxy });
let wrong = 0;
plays.forEach(({ wireCase, pieces }, index) => {
  const verdict = verdicts[index];
  const whole = verdicts[index - (index % (SEGMENTATIONS.length + 1))];
  if (verdict === undefined || whole === undefined) return;
  const differs = kindOf(verdict) !== kindOf(whole);
  if (verdict.violations.length === 0 && !differs) return;
  wrong += 1;
  console.log(`${wireCase.id}, cut ${segmentationName(pieces)}: ${describeVerdict(verdict)}`);
  if (differs) console.log(`  and whole: ${describeVerdict(whole)}`);
});
console.log(`${plays.length} plays of ${cases.length} cases, ${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
