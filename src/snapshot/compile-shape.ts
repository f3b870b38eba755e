import { assert } from '../base/assert.ts';
import { parseTemplate } from '../base/template.ts';
import type { ServiceConfig } from '../schema/service.ts';
import type { HeaderEditsConfig } from '../schema/shape.ts';
import { type FieldEditsSpec, REQUEST_VARIABLES, RESPONSE_VARIABLES, type ShapeSpec } from './shape-spec.ts';

export function compileShape({ path, reverse, headers }: ServiceConfig): ShapeSpec {
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

/** "/" is no prefix, and "/api/" the same as "/api". */
function withoutLastSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
}
