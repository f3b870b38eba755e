/** What the variables in a service's templates stand for, for one request. */
import { fillTemplate } from '../../base/template.ts';
import type { FieldLineSpec, RequestVariable } from '../../snapshot/shape-spec.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { Provenance } from '../origin.ts';

/** The pool that a request goes to. */
export interface RequestPool {
  readonly service: string;
  readonly name: string;
  readonly version: string;
}

/**
 * Copied out of the head, which is read over by the next request before this one is answered. Every value holds nothing but
 * visible ASCII characters: what comes from the client was read by strict grammars, and what an operator may have written
 * freely is cleaned here. A field can therefore not be ended, nor another begun, by any of them.
 */
export class RequestValues {
  readonly #method: string;
  readonly #host: string;
  /** Path and query. */
  readonly #uri: string;
  readonly #pathEnd: number;
  readonly #from: Provenance;
  readonly #requestId: string;
  readonly #service: string;
  readonly #pool: string;
  readonly #version: string;
  readonly #generation: number;

  constructor(head: RequestHead, from: Provenance, requestId: string, pool: RequestPool, generation: number) {
    this.#method = head.method;
    this.#host = head.host;
    this.#uri = head.target;
    this.#pathEnd = head.pathEnd;
    this.#from = from;
    this.#requestId = requestId;
    this.#service = pool.service;
    this.#pool = pool.name;
    this.#version = pool.version;
    this.#generation = generation;
  }

  /** Complete lines. `target`: id of the target that answers; "" before there is one. */
  fillLines(lines: readonly FieldLineSpec[], target: string): string {
    let text = '';
    for (const [name, value] of lines) {
      text += `${name}: ${fillTemplate(value, (variable) => this.#valueOf(variable as RequestVariable, target))}\r\n`;
    }
    return text;
  }

  #valueOf(variable: RequestVariable, target: string): string {
    switch (variable) {
      case 'clientAddress':
        return this.#from.clientAddress;
      case 'requestId':
        return this.#requestId;
      case 'scheme':
        return this.#from.scheme;
      case 'host':
        return this.#host;
      case 'method':
        return this.#method;
      case 'path':
        return this.#uri.substring(0, this.#pathEnd);
      case 'query':
        return this.#uri.substring(this.#pathEnd + 1);
      case 'service':
        return this.#service;
      case 'pool':
        return this.#pool;
      case 'version':
        return this.#version.replaceAll(/[^\x20-\x7e]/g, '?');
      case 'generation':
        return String(this.#generation);
      case 'target':
        return target;
    }
  }
}

/** Fields that a service adds to the answer of one request. */
export class AnswerFields {
  readonly #values: RequestValues;
  readonly #lines: readonly FieldLineSpec[];

  constructor(values: RequestValues, lines: readonly FieldLineSpec[]) {
    this.#values = values;
    this.#lines = lines;
  }

  /** Complete lines. */
  of(targetId: string): string {
    return this.#values.fillLines(this.#lines, targetId);
  }
}
