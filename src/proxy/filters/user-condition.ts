/** Conditions of rules that are functions of the configuration. */
import type { Condition, RequestView, UserFunction } from '../../modules/user-code.ts';
import { UserCodeError } from '../../modules/user-code-error.ts';
import { cookieOf, type RequestFacts } from '../split/request-facts.ts';
import { parameterOf } from './request-reading.ts';
import { disregard, isThenable } from './thenable.ts';

/** Makes, of a reference, the test that it stands for; `find` gives the function. The test throws a `UserCodeError`. */
export function userConditions(
  find: (reference: string) => UserFunction,
): (reference: string) => (facts: RequestFacts) => boolean {
  return (reference) => {
    const condition = find(reference) as Condition;
    return (facts) => {
      const view = new FactsView(facts);
      try {
        const holds: unknown = condition(view);
        if (typeof holds === 'boolean') return holds;
        if (isThenable(holds)) disregard(holds);
        throw new TypeError('a condition must return true or false, and not a promise of it');
      } catch (error) {
        throw new UserCodeError(reference, error);
      } finally {
        view.end();
      }
    };
  };
}

/** What is known of one request, for as long as the function runs: then it is told of the next one. */
class FactsView implements RequestView {
  #facts: RequestFacts | null;

  constructor(facts: RequestFacts) {
    this.#facts = facts;
  }

  get method(): string {
    return this.#reading.method;
  }

  get path(): string {
    return this.#reading.path;
  }

  get query(): string {
    return this.#reading.query;
  }

  get host(): string {
    return this.#reading.host;
  }

  get clientAddress(): string {
    return this.#reading.clientAddress;
  }

  header(name: string): string | null {
    return this.#reading.field(String(name).toLowerCase());
  }

  cookie(name: string): string | null {
    return cookieOf(this.header('cookie'), name);
  }

  parameter(name: string): string | null {
    return parameterOf(this.query, name);
  }

  end(): void {
    this.#facts = null;
  }

  get #reading(): RequestFacts {
    if (this.#facts === null) throw new Error('the request was read after the function had returned');
    return this.#facts;
  }
}
