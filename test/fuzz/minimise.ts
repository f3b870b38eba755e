/** Makes an input smaller for as long as what was found in it stays. */
import type { FuzzCase } from './fuzz-case.ts';
import type { ReaderProcess } from './reader-process.ts';
import { compareCases, type Finding } from './scan-fuzzer.ts';

/** Says of each candidate whether it still shows what was found. */
export type Check = (candidates: readonly FuzzCase[]) => Promise<readonly boolean[]>;

/** Attempts in all, for inputs whose checks take long. */
const TRIES_MAX = 20_000;

/** The finding in a smaller input, as long as comparing the two readings shows it. */
export async function minimiseFinding(finding: Finding, llhttp: ReaderProcess): Promise<Finding> {
  const { kind } = finding.difference;
  const has = async (candidates: readonly FuzzCase[]): Promise<boolean[]> => {
    const compared = await compareCases(llhttp, candidates);
    return compared.map(({ comparison }) => comparison.differences.some((difference) => difference.kind === kind));
  };
  const fuzzCase = await minimise(finding.fuzzCase, has);
  const [compared] = await compareCases(llhttp, [fuzzCase]);
  const difference = compared?.comparison.differences.find((each) => each.kind === kind);
  return { fuzzCase, difference: difference ?? finding.difference };
}

export async function minimise(fuzzCase: FuzzCase, check: Check, triesMax = TRIES_MAX): Promise<FuzzCase> {
  let smallest = await firstOf([{ ...fuzzCase, pieces: 'whole' }], check, fuzzCase);
  let tries = 0;
  for (let length = Math.ceil(smallest.text.length / 2); length >= 1 && tries < triesMax;) {
    const candidates = removals(smallest, length);
    tries += candidates.length;
    const next = await firstOf(candidates, check, smallest);
    // What could not be taken out before may be in vain now: the same length again, until nothing of it goes.
    length = next === smallest ? (length === 1 ? 0 : Math.ceil(length / 2)) : Math.min(length, next.text.length);
    smallest = next;
  }
  return smallest;
}

async function firstOf(candidates: readonly FuzzCase[], check: Check, otherwise: FuzzCase): Promise<FuzzCase> {
  const shows = await check(candidates);
  return candidates[shows.indexOf(true)] ?? otherwise;
}

/** All ways to take `length` bytes out, one place after the other. */
function removals(fuzzCase: FuzzCase, length: number): FuzzCase[] {
  const { text } = fuzzCase;
  const places = Math.ceil(text.length / length);
  return Array.from({ length: places }, (_, index) => {
    const at = index * length;
    return { ...fuzzCase, text: text.slice(0, at) + text.slice(at + length) };
  });
}
