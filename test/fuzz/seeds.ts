/** What mutations are made of: everything that the wire catalogue says, and what fuzzing has found before. */
import { ALL_CASES } from '../conformance/catalogue.ts';
import { FOUND } from './found.ts';
import type { FuzzCase } from './fuzz-case.ts';

/** Longer ones teach nothing that shorter ones do not, and cost their length at every try. */
const SEED_BYTES_MAX = 4096;

export function readSeeds(kind: FuzzCase['kind']): string[] {
  const texts = kind === 'request' ? ALL_CASES.flatMap(requestsOf) : ALL_CASES.flatMap(responsesOf);
  const found = FOUND.filter((fuzzCase) => fuzzCase.kind === kind).map(({ text }) => text);
  return [...new Set([...found, ...texts])].filter((text) => text.length > 0 && text.length <= SEED_BYTES_MAX);
}

type WireCase = (typeof ALL_CASES)[number];

function requestsOf({ request, parts = [] }: WireCase): string[] {
  return [request, request + parts.map(({ bytes }) => bytes).join('')];
}

function responsesOf({ upstream }: WireCase): string[] {
  if (typeof upstream?.response !== 'string') return [];
  const { response, late } = upstream;
  return typeof late === 'string' ? [response, response + late] : [response];
}
