/** Texts with places in braces that are filled from the request. */
import type { RequestFacts } from '../split/request-facts.ts';

const VARIABLES = ['scheme', 'host', 'path', 'query', 'uri', 'rest'] as const;
type Variable = (typeof VARIABLES)[number];

export class Template {
  /** Fixed texts at even places, names of variables at odd ones. */
  readonly #parts: readonly string[];
  readonly #restFrom: number;

  /** `pathPrefix`: what `{rest}` is behind of. */
  constructor(text: string, pathPrefix: string) {
    this.#parts = text.split(/\{(\w+)\}/);
    this.#restFrom = pathPrefix.length;
  }

  fill(facts: RequestFacts): string {
    let text = this.#parts[0] as string;
    for (let i = 1; i < this.#parts.length; i += 2) {
      text += this.#valueOf(this.#parts[i] as Variable, facts) + (this.#parts[i + 1] as string);
    }
    return text;
  }

  #valueOf(variable: Variable, facts: RequestFacts): string {
    switch (variable) {
      case 'scheme':
        return facts.scheme;
      case 'host':
        return facts.host;
      case 'query':
        return facts.query;
      case 'path':
        return pathOf(facts);
      case 'rest':
        return pathOf(facts).substring(this.#restFrom);
      case 'uri':
        return facts.query === '' ? pathOf(facts) : `${pathOf(facts)}?${facts.query}`;
    }
  }
}

/** "*" asks about the whole server. */
function pathOf({ path }: RequestFacts): string {
  return path === '*' ? '/' : path;
}
