/** What becomes of a request that a rule has matched. */
import type { AnswerSpec, FieldSpec, RewriteSpec, RuleSpec } from '../../snapshot/rule-spec.ts';
import type { OwnAnswer } from '../http1/own-answer.ts';
import type { RequestEdits } from '../http1/request-writer.ts';
import type { RequestFacts } from '../split/request-facts.ts';
import { Template } from './template.ts';
import { isBelow } from './text-test.ts';

export class RuleAction {
  /** Where the request goes; null: the split decides. */
  readonly pool: string | null;
  readonly answer: RuleAnswer | null;
  readonly rewrite: RuleRewrite | null;

  constructor({ pool, answer, rewrite, pathPrefix }: RuleSpec) {
    this.pool = pool;
    this.answer = answer === null ? null : new RuleAnswer(answer, pathPrefix);
    this.rewrite = rewrite === null ? null : new RuleRewrite(rewrite, pathPrefix);
  }
}

/** An answer of the proxy itself: a redirect, or what the rule says. */
export class RuleAnswer {
  readonly #location: Template | null;
  /** Whether the location names its host, and not what the request says. */
  readonly #isAbsolute: boolean;
  readonly #fixed: OwnAnswer;

  constructor({ status, location, body, contentType, fields }: AnswerSpec, pathPrefix: string) {
    this.#location = location === null ? null : new Template(location, pathPrefix);
    this.#isAbsolute = location !== null && /^(?:https?|\{scheme\}):/.test(location);
    this.#fixed = {
      status,
      fields: (contentType === '' ? '' : `Content-Type: ${contentType}\r\n`) + linesOf(fields),
      body: Buffer.from(body, 'utf8').toString('latin1'),
    };
  }

  for(facts: RequestFacts): OwnAnswer {
    if (this.#location === null) {
      return this.#fixed;
    }
    const filled = this.#location.fill(facts);
    // "//elsewhere.example" would be another host (RFC 3986 section 4.2), and a path that a client sends may begin so.
    const location = this.#isAbsolute ? filled : filled.replace(/^\/*/, '/');
    return { ...this.#fixed, fields: `Location: ${encoded(location)}\r\n${this.#fixed.fields}` };
  }
}

/** What may stand in a field whatever it came from: the scanner lets nothing else through, and this does not rely on it. */
function encoded(location: string): string {
  return location.replaceAll(/[^\x21-\x7e]/g, (char) => encodeURIComponent(char));
}

/** What the target is asked for instead. */
export class RuleRewrite {
  readonly #spec: RewriteSpec;
  readonly #path: Template | null;
  readonly #dropped: ReadonlySet<string> | null;
  readonly #added: string;
  /** The query with its "?"; null: as it came. */
  readonly #search: string | null;

  constructor(spec: RewriteSpec, pathPrefix: string) {
    this.#spec = spec;
    this.#path = spec.path === null ? null : new Template(spec.path, pathPrefix);
    // A field that is set replaces those that came.
    const dropped = new Set([...spec.remove, ...spec.set.map(([name]) => name)]);
    this.#dropped = dropped.size === 0 ? null : dropped;
    this.#added = linesOf(spec.set);
    this.#search = spec.query === null || spec.query === '' ? spec.query : `?${spec.query}`;
  }

  for(facts: RequestFacts): RequestEdits {
    const path = this.#pathFor(facts);
    return {
      // What asks about the whole server has no query (RFC 9112 section 3.2.4).
      target: path === '*' ? path : path + (this.#search ?? facts.search),
      authority: this.#spec.host ?? '',
      dropped: this.#dropped,
      added: this.#added,
    };
  }

  #pathFor(facts: RequestFacts): string {
    if (this.#path !== null) {
      return this.#path.fill(facts) || '/';
    }
    const { stripPrefix, addPrefix } = this.#spec;
    const isStripped = stripPrefix !== '' && isBelow(facts.path, stripPrefix);
    const rest = isStripped ? facts.path.substring(stripPrefix.length) : facts.path;
    if (facts.path === '*') {
      return '*';
    }
    return addPrefix + rest || '/';
  }
}

function linesOf(fields: readonly FieldSpec[]): string {
  return fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
}
