/** What a service changes of messages on their way, as plain data. */
import type { Template } from '../base/template.ts';

export interface ShapeSpec {
  /** Taken from the start of a request's path, and then put there; "" for nothing. Neither ends with "/". */
  readonly stripPrefix: string;
  readonly addPrefix: string;
  /** Host that targets are asked for; "": the one that the client asked for. */
  readonly host: string;
  /** null: nothing but what is done to every request. */
  readonly request: FieldEditsSpec | null;
  readonly response: FieldEditsSpec;
  readonly reverse: ReverseSpec;
  readonly errorPages: readonly ErrorPageSpec[];
  /** Statuses of targets' answers whose place an error page takes. */
  readonly intercepted: readonly number[];
}

export type PageForm = 'html' | 'json' | 'text';

export interface ErrorPageSpec extends Readonly<Record<PageForm, Template | null>> {
  /** "503" or "5xx". */
  readonly status: string;
}

/** What stands in braces in an error page. */
export const PAGE_VARIABLES = ['status', 'reason', 'detail', 'requestId', 'service'] as const;

export type PageVariable = (typeof PAGE_VARIABLES)[number];

export interface FieldEditsSpec {
  /** Lower case: fields that do not pass. */
  readonly drop: readonly string[];
  readonly lines: readonly FieldLineSpec[];
}

export type FieldLineSpec = readonly [name: string, value: Template];

export interface ReverseSpec {
  /** Rewrite Location, Content-Location and Refresh. */
  readonly locations: boolean;
  /** Rewrite Domain and Path of Set-Cookie. */
  readonly cookies: boolean;
  /** What targets are called besides their host and port, lower case; a port where it is neither 80 nor 443. */
  readonly names: readonly string[];
}

/** What stands in braces in the value of a field of a request. */
export const REQUEST_VARIABLES = [
  'clientAddress',
  'requestId',
  'scheme',
  'host',
  'method',
  'path',
  'query',
  'service',
  'pool',
  'version',
  'generation',
] as const;

/** In one of a response. A request's target may still change while it is sent. */
export const RESPONSE_VARIABLES = [...REQUEST_VARIABLES, 'target'] as const;

export type RequestVariable = (typeof RESPONSE_VARIABLES)[number];
