/** What a service changes of messages on their way, made ready once for all of its requests. */
import type { ServiceSpec } from '../../snapshot/types.ts';
import type { FieldEditsSpec, FieldLineSpec } from '../../snapshot/shape-spec.ts';
import {
  type FieldPassage,
  RESPONSE_PASSAGE,
  STRANGER_PASSAGE,
  TRUSTED_PASSAGE,
  passageWithout,
} from '../http1/passing-fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ServiceFace } from '../downstream.ts';
import { ErrorPages } from './error-pages.ts';
import { PathMapping } from './path-mapping.ts';
import { AnswerFields, type RequestValues } from './request-values.ts';
import { ReverseMapping } from './reverse-mapping.ts';

export class ServiceShape implements ServiceFace {
  readonly paths: PathMapping;
  /** Host that targets are asked for; "": the one that the client asked for. */
  readonly host: string;
  /** null: nothing but what is done to every request. */
  readonly request: RequestEdits | null;
  readonly response: FieldPassage;
  /** null: errors are told in the proxy's words. */
  readonly pages: ErrorPages | null;
  readonly responseLines: readonly FieldLineSpec[];
  /** Some field has a value that is made for each request. */
  readonly needsValues: boolean;

  constructor({ name, shape, pools }: Pick<ServiceSpec, 'name' | 'shape' | 'pools'>) {
    const { stripPrefix, addPrefix, host, request, response, reverse } = shape;
    this.paths = new PathMapping(stripPrefix, addPrefix);
    this.host = host;
    this.request = request === null && stripPrefix === '' ? null : new RequestEdits(request, stripPrefix);
    const targets = pools.flatMap((pool) => pool.targets);
    const mapping = reverse.locations || reverse.cookies ? new ReverseMapping(reverse, targets, this.paths) : null;
    this.response = passageWithout(RESPONSE_PASSAGE, response.drop, mapping);
    this.responseLines = response.lines;
    const { errorPages, intercepted } = shape;
    this.pages = errorPages.length === 0 ? null : new ErrorPages(name, errorPages, intercepted);
    this.needsValues = response.lines.length > 0 || (request?.lines.length ?? 0) > 0;
  }

  /** Which fields of a request pass. */
  requestPassage(isTrusted: boolean): FieldPassage {
    return this.request?.passage(isTrusted) ?? (isTrusted ? TRUSTED_PASSAGE : STRANGER_PASSAGE);
  }

  /** What is added to the answer; null: nothing. */
  answerFields(values: RequestValues | null): AnswerFields | null {
    return values === null || this.responseLines.length === 0 ? null : new AnswerFields(values, this.responseLines);
  }
}

/** The fields of a request, from whichever peer. */
export class RequestEdits {
  readonly #fromStranger: FieldPassage;
  readonly #fromTrusted: FieldPassage;
  readonly #lines: readonly FieldLineSpec[];
  /** What was taken from the start of the path, which the target is told; "" for nothing. */
  readonly #prefix: string;

  constructor(spec: FieldEditsSpec | null, prefix: string) {
    const drop = spec?.drop ?? [];
    const all = prefix === '' ? drop : [...drop, 'x-forwarded-prefix'];
    this.#fromStranger = passageWithout(STRANGER_PASSAGE, all, null);
    this.#fromTrusted = passageWithout(TRUSTED_PASSAGE, all, null);
    this.#lines = spec?.lines ?? [];
    this.#prefix = drop.includes('x-forwarded-prefix') ? '' : prefix;
  }

  passage(isTrusted: boolean): FieldPassage {
    return isTrusted ? this.#fromTrusted : this.#fromStranger;
  }

  /** Complete lines to add. `values` are there if some line has a variable. */
  lines({ fields }: RequestHead, isTrusted: boolean, values: RequestValues | null): string {
    const own = values === null ? '' : values.fillLines(this.#lines, '');
    if (this.#prefix === '') {
      return own;
    }
    // What a proxy before this one has taken away stands before what was taken here.
    const outer = isTrusted ? (fields.get('x-forwarded-prefix') ?? '') : '';
    return `${own}X-Forwarded-Prefix: ${PREFIX.test(outer) ? outer : ''}${this.#prefix}\r\n`;
  }
}

const PREFIX = /^\/[\x21\x23-\x7e]*[\x21\x23-\x2e\x30-\x7e]$/;
