/** What fuzzing begins with: everything that the wire catalogue says, and what fuzzing has found before. */
import { ALL_CASES } from '../conformance/catalogue.ts';
import { FOUND } from './found.ts';

/** Longer ones teach nothing that shorter ones do not, and cost their length at every try. */
const SEED_BYTES_MAX = 4096;

export interface Seeds {
  readonly requests: readonly string[];
  readonly responses: readonly string[];
}

export function readSeeds(): Seeds {
  const requests = ALL_CASES.flatMap(({ request, parts = [] }) => [
    request,
    ...(parts.length > 0 ? [request + parts.map(({ bytes }) => bytes).join('')] : []),
  ]);
  const responses = ALL_CASES.flatMap(({ upstream }) =>
    typeof upstream?.response === 'string' ? [upstream.response, upstream.response + String(upstream.late ?? '')] : [],
  );
  return {
    requests: unique([...FOUND.requests, ...requests]),
    responses: unique([...FOUND.responses, ...responses]),
  };
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)].filter((text) => text.length > 0 && text.length <= SEED_BYTES_MAX);
}
