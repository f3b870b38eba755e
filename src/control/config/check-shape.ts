import { HOP_BY_HOP } from '../../base/hop-by-hop.ts';
import { parseTemplate } from '../../base/template.ts';
import { FORMATS } from '../../schema/formats.ts';
import { type Problem, pointerOf, problemsUnder } from '../../schema/problem.ts';
import type { ServiceDocument } from '../../schema/service.ts';
import type { HeaderEditsDocument } from '../../schema/shape.ts';
import { REQUEST_VARIABLES, RESPONSE_VARIABLES } from '../../snapshot/shape-spec.ts';

/** What frames a message or is for one connection alone (RFC 9110 sections 7.6.1 and 8.6): nobody but the proxy writes it. */
export const UNTOUCHABLE: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'content-length',
  'expect',
  'max-forwards',
  'trailer',
]);

/** What a schema cannot see of how a service changes messages. Paths count from the service. */
export function checkShape(service: ServiceDocument): Problem[] {
  const { headers = {} } = service;
  return [
    ...checkPath(service),
    ...problemsUnder('/headers/request', checkEdits(headers.request ?? {}, REQUEST_VARIABLES, true)),
    ...problemsUnder('/headers/response', checkEdits(headers.response ?? {}, RESPONSE_VARIABLES, false)),
    ...(headers.hide ?? []).flatMap((name, i) => untouchable(pointerOf('headers', 'hide', i), name)),
  ];
}

/** What is stripped must be there in every request, or a path could not be mapped back. */
function checkPath({ match, path }: ServiceDocument): Problem[] {
  const prefix = match?.pathPrefix ?? '/';
  const strip = path?.strip ?? '/';
  const isThere = `${prefix}/`.replace(/\/+$/, '/').startsWith(`${strip}/`.replace(/\/+$/, '/'));
  if (isThere) return [];
  const message = `is "${strip}", with which the service's paths do not begin: match.pathPrefix is "${prefix}"`;
  return [{ path: '/path/strip', message }];
}

function checkEdits(
  { set = {}, add = {}, remove = [] }: HeaderEditsDocument,
  variables: readonly string[],
  isRequest: boolean,
): Problem[] {
  return [
    ...Object.entries(set).flatMap(([name, value]) =>
      isRequest && name === 'host'
        ? hostProblems(pointerOf('set', name), value)
        : [
            ...untouchable(pointerOf('set', name), name, true),
            ...valueProblems(pointerOf('set', name), value, variables),
          ],
    ),
    ...Object.entries(add).flatMap(([name, value]) => [
      ...untouchable(pointerOf('add', name), name, true),
      ...onlyOne(pointerOf('add', name), name, true),
      ...valueProblems(pointerOf('add', name), value, variables),
    ]),
    ...remove.flatMap((name, i) => [
      ...untouchable(pointerOf('remove', i), name),
      ...(isRequest ? onlyOne(pointerOf('remove', i), name) : []),
    ]),
  ];
}

function untouchable(path: string, name: string, atKey = false): Problem[] {
  if (!UNTOUCHABLE.has(name)) return [];
  return [{ path, message: `is "${name}", which belongs to one connection and is written by the proxy alone`, atKey }];
}

/** RFC 9112 section 3.2: exactly one Host. */
function onlyOne(path: string, name: string, atKey = false): Problem[] {
  return name === 'host'
    ? [{ path, message: 'is "host", of which there is exactly one; it can only be set', atKey }]
    : [];
}

/** Where a request goes must not be anything that a client can write. */
function hostProblems(path: string, value: string): Problem[] {
  const problem = FORMATS['host-header'](value);
  return problem === null ? [] : [{ path, message: `${problem}; it is ${JSON.stringify(value)}` }];
}

function valueProblems(path: string, value: string, variables: readonly string[]): Problem[] {
  const template = parseTemplate(value, variables);
  return 'problem' in template ? [{ path, message: template.problem }] : [];
}
