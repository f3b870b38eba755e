import { assert } from '../base/assert.ts';
import { parseTemplate, type Template } from '../base/template.ts';
import type { ErrorPageConfig } from '../schema/error-pages.ts';
import type { ServiceConfig } from '../schema/service.ts';
import type { HeaderEditsConfig } from '../schema/shape.ts';
import {
  type ErrorPageSpec,
  type FieldEditsSpec,
  PAGE_VARIABLES,
  REQUEST_VARIABLES,
  RESPONSE_VARIABLES,
  type ShapeSpec,
} from './shape-spec.ts';

export function compileShape(service: ServiceConfig): ShapeSpec {
  const { path, reverse, headers, errorPages, interceptErrors } = service;
  const { host, ...set } = headers.request.set;
  const request = compileEdits({ ...headers.request, set }, REQUEST_VARIABLES);
  const response = compileEdits(headers.response, RESPONSE_VARIABLES);
  return {
    stripPrefix: withoutLastSlash(path?.strip ?? ''),
    addPrefix: withoutLastSlash(path?.add ?? ''),
    host: host ?? '',
    request: request.drop.length === 0 && request.lines.length === 0 ? null : request,
    response: { ...response, drop: [...new Set([...headers.hide, ...response.drop])] },
    reverse: {
      locations: reverse.locations,
      cookies: reverse.cookies,
      names: reverse.names.map((name) => name.toLowerCase()),
    },
    errorPages: Object.entries(errorPages).map(([status, page]) => compilePage(status, page)),
    intercepted: interceptErrors,
  };
}

function compileEdits({ set, add, remove }: HeaderEditsConfig, known: readonly string[]): FieldEditsSpec {
  const lines = [...Object.entries(set), ...Object.entries(add)].map(([name, text]) => {
    const value = parseTemplate(text, known);
    assert(!('problem' in value), `a header has passed validation with the value ${text}`);
    return [name, value] as const;
  });
  return { drop: [...new Set([...remove, ...Object.keys(set)])], lines };
}

function compilePage(status: string, { html, json, text }: ErrorPageConfig): ErrorPageSpec {
  return { status, html: pageTemplate(html), json: pageTemplate(json), text: pageTemplate(text) };
}

function pageTemplate(text: string | undefined): Template | null {
  if (text === undefined) return null;
  const template = parseTemplate(text, PAGE_VARIABLES, 'as-text');
  assert(!('problem' in template), 'an error page has passed validation');
  return template;
}

/** "/" is no prefix, and "/api/" the same as "/api". */
function withoutLastSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}
