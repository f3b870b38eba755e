import { closestName } from '../../base/closest-name.ts';
import type { SetChange } from '../../schema/change-set.ts';
import { problemFinder } from '../../schema/find-problems.ts';
import { FORMATS } from '../../schema/formats.ts';
import { type Problem, problemsUnder } from '../../schema/problem.ts';
import type { SetEntry } from '../changes/change-set.ts';
import type { Wellness } from '../changes/traffic-changes.ts';
import type { ChangeContext } from '../state/change.ts';
import { NO_PRECONDITIONS, type Preconditions } from '../state/entity-tag.ts';
import { CONTAINED_CHANGES, type ContainedChange, type PathNames } from './contained-changes.ts';
import { TAG_LIST_FORM, tagListOf } from './request-conditions.ts';
import { RequestError } from './request-error.ts';

/** Throws a `RequestError` where the caller may not call this by itself. */
export type Permit = (method: string, route: string, service: string) => void;

/**
 * The changes of a set, each found by its path, allowed, and held against its schema, in this order for all of them: what
 * is wrong with a change that the caller may not make is nothing for the caller to learn. Throws a `RequestError` with
 * every problem.
 */
export function readChangeSet(
  changes: readonly SetChange[],
  permit: Permit,
  context: ChangeContext,
  health: Wellness,
): SetEntry[] {
  const found = refuseProblems(changes.map((change, i) => placed(i, findChange(change))));
  found.forEach((call, i) => permitOne(i, changes[i] as SetChange, call, permit));
  const problems = changes.flatMap((change, i) => problemsUnder(`/changes/${i}`, problemsOf(change, found[i] as Call)));
  if (problems.length > 0) throw invalid(problems);
  return changes.map((change, i) => entryOf(change, found[i] as Call, context, health));
}

interface Call {
  readonly contained: ContainedChange;
  readonly names: PathNames;
}

function entryOf(change: SetChange, { contained, names }: Call, context: ChangeContext, health: Wellness): SetEntry {
  // What is asked of it is asked of the state before the set, by the set.
  const alone = { ...context, preconditions: NO_PRECONDITIONS };
  return {
    name: `${change.method} ${change.path}`,
    change: contained.change(names, change.body ?? {}, alone, health),
    preconditions: preconditionsOf(change),
    tagsOf: (state) => contained.tagsOf(state, names),
  };
}

function permitOne(i: number, { method, path }: SetChange, { contained, names }: Call, permit: Permit): void {
  try {
    permit(contained.method, contained.route, names.service);
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    const problem = { path: `/changes/${i}`, message: error.message };
    throw new RequestError(error.code, `${method} ${path}: ${error.message}`, [problem]);
  }
}

// --- the path --------------------------------------------------------------------------------------------------------

function findChange({ method, path }: SetChange): Call | Problem {
  const segments = segmentsOf(path);
  if (segments === null) return { path: '/path', message: 'must be a path without a query, percent-encoded rightly' };
  const fitting = CONTAINED_CHANGES.flatMap((contained) => {
    const names = namesIn(contained.route, segments);
    return names === null ? [] : [{ contained, names }];
  });
  const call = fitting.find(({ contained }) => contained.method === method);
  if (call !== undefined) return call;
  if (fitting.length === 0) return { path: '/path', message: `is none that can be changed; ${meantPath(segments)}` };
  const methods = fitting.map(({ contained }) => contained.method).join(' or ');
  return { path: '/method', message: `must be ${methods} for this path; it is "${method}"` };
}

/** `null`: it is no path. */
function segmentsOf(path: string): string[] | null {
  if (!path.startsWith('/') || /[?#]/.test(path)) return null;
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return null;
  }
}

function namesIn(route: string, segments: readonly string[]): PathNames | null {
  const parts = route.split('/');
  if (parts.length !== segments.length) return null;
  const names = { service: '', pool: '', target: '' };
  for (const [i, part] of parts.entries()) {
    const segment = segments[i] ?? '';
    if (!part.startsWith(':') && part !== segment) return null;
    if (part.startsWith(':')) {
      if (segment === '') return null;
      names[part.slice(1) as keyof PathNames] = segment;
    }
  }
  return names;
}

function meantPath(segments: readonly string[]): string {
  const routes = [...new Set(CONTAINED_CHANGES.map(({ route }) => route))];
  const filled = routes.map((route) =>
    route
      .split('/')
      .map((part, i) => (part.startsWith(':') ? (segments[i] ?? part) : part))
      .join('/'),
  );
  const meant = closestName(segments.join('/'), filled);
  if (meant !== null) return `did you mean "${meant}"?`;
  return `there are ${routes.map((route) => route.replaceAll(/:([a-z]+)/g, '{$1}')).join(', ')}`;
}

// --- what it carries -------------------------------------------------------------------------------------------------

const FINDERS = new Map(
  CONTAINED_CHANGES.map((contained) => [contained, contained.body === null ? null : problemFinder(contained.body)]),
);

/** Paths count from the change. */
function problemsOf(change: SetChange, { contained, names }: Call): Problem[] {
  const newName = contained.names === undefined ? null : FORMATS.id(names[contained.names]);
  const nameProblems =
    newName === null ? [] : [{ path: '/path', message: `the name of the ${contained.names} ${newName}` }];
  return [...nameProblems, ...bodyProblems(change, contained), ...conditionProblems(change)];
}

function bodyProblems({ body }: SetChange, contained: ContainedChange): Problem[] {
  const formProblems = FINDERS.get(contained) ?? null;
  if (formProblems === null) return body === undefined ? [] : [{ path: '/body', message: 'must be left out here' }];
  if (body === undefined) {
    return contained.isBodyOptional === true ? [] : [{ path: '/body', message: 'is missing: what to set' }];
  }
  return problemsUnder('/body', formProblems(body));
}

function conditionProblems({ ifMatch, ifNoneMatch }: SetChange): Problem[] {
  return Object.entries({ ifMatch, ifNoneMatch }).flatMap(([name, text]) =>
    text === undefined || tagListOf(text) !== null ? [] : [{ path: `/${name}`, message: TAG_LIST_FORM }],
  );
}

function preconditionsOf({ ifMatch, ifNoneMatch }: SetChange): Preconditions {
  return {
    ifMatch: ifMatch === undefined ? null : tagListOf(ifMatch),
    ifNoneMatch: ifNoneMatch === undefined ? null : tagListOf(ifNoneMatch),
  };
}

// --- problems --------------------------------------------------------------------------------------------------------

function placed(i: number, found: Call | Problem): Call | Problem {
  return 'contained' in found ? found : { ...found, path: `/changes/${i}${found.path}` };
}

function refuseProblems(found: readonly (Call | Problem)[]): Call[] {
  const problems = found.flatMap((one) => ('contained' in one ? [] : [one]));
  if (problems.length > 0) throw invalid(problems);
  return found.flatMap((one) => ('contained' in one ? [one] : []));
}

function invalid(problems: readonly Problem[]): RequestError {
  return new RequestError('invalid', 'The set holds changes that are wrong; nothing was changed.', problems);
}
