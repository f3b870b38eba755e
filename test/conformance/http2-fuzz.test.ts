/** A short run of what `npm run fuzz -- --http2` does for as long as one likes, the same on every machine. */
import { expect, test } from 'vitest';
import { Http2Fuzzer } from '../fuzz/http2-fuzzer.ts';

const SEED = 20_261_121;
const CASES = 400;

test('whatever becomes of its frames, a session keeps to the rules, and the target hears what was said', async () => {
  const fuzzer = await Http2Fuzzer.start(SEED);
  try {
    const findings = await fuzzer.turn(fuzzer.draw(CASES));
    expect(
      findings.map(
        ({ fuzzCase, difference }) => `${difference.kind} (${difference.detail}) in ${JSON.stringify(fuzzCase)}`,
      ),
    ).toEqual([]);
  } finally {
    await fuzzer.close();
  }
});
