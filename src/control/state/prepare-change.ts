import { problemFinder } from '../../schema/find-problems.ts';
import { type ServiceDocument, ServiceSchema } from '../../schema/service.ts';
import { type Problem, pointerOf } from '../../schema/problem.ts';
import { serviceWithDefaults } from '../../schema/with-defaults.ts';
import { compileService } from '../../snapshot/compile.ts';
import { checkAllClaims, checkClaims } from '../config/check-claims.ts';
import { checkLookupNames } from '../config/check-rules.ts';
import { checkService } from '../config/check-service.ts';
import type { LookupNames } from '../config/lookup-names.ts';
import type { Listening } from '../config/own-addresses.ts';
import { ControlError } from '../control-error.ts';
import type { ServiceChange } from '../store/store.ts';
import { isSameJson } from './canonical-json.ts';
import type { Edits, ServiceEdit } from './change.ts';
import { type ControlState, EARLIER_SPLITS_MAX, type ServiceRecord } from './control-state.ts';
import { splitOf } from './split-of.ts';

/** Most services at once; the schema of the configuration says the same of a file. */
export const SERVICES_MAX = 10_000;

export interface Surrounded {
  /** Listeners and admin address, which targets must not name, and what rules may look things up in. */
  readonly surroundings: Listening & { readonly lookups: LookupNames };
  /** Whether lookups are others than those that the state was prepared with. */
  readonly hasNewLookups: boolean;
  /** A new secret for sticky sessions. */
  readonly makeSecret: () => string;
  readonly locate: (service: string, problem: Problem) => Problem;
}

export interface PreparedChange {
  readonly next: ControlState;
  /** Records that are new or replaced; `null`: gone. */
  readonly records: ReadonlyMap<string, ServiceRecord | null>;
  /** What differs of what operators see. */
  readonly changes: readonly ServiceChange[];
}

/**
 * The state after `edits`: validated and compiled, and not yet in force anywhere. Pure; throws a `ControlError` with
 * all problems of all services.
 */
export function prepareChange(state: ControlState, edits: Edits, options: Surrounded): PreparedChange {
  const { next, records } = prepareStep(state, edits, options);
  refuseIf(claimProblems(next.services, records, state, options));
  refuseIf(danglingNames(next.services, records, options));
  return { next, records, changes: changesBetween(state, records) };
}

/**
 * As `prepareChange`, for a step that others follow before anything is served: two services may want the same requests
 * after it.
 */
export function prepareStep(
  state: ControlState,
  edits: Edits,
  options: Surrounded,
): Pick<PreparedChange, 'next' | 'records'> {
  const real = [...edits.services].filter(([name, edit]) => isReal(state.services.get(name), edit));
  const services = new Map(state.services);
  const problems: Problem[] = [];
  for (const [name, edit] of real) {
    if (edit !== null) problems.push(...problemsOf(name, edit.document, options));
  }
  refuseIf(problems);

  const records = new Map<string, ServiceRecord | null>();
  for (const [name, edit] of real) {
    const record = edit === null ? null : nextRecord(name, edit, state.services.get(name), options);
    records.set(name, record);
    if (record === null) services.delete(name);
    else services.set(name, record);
  }
  const next = { generation: state.generation + 1, services, deleted: edits.deleted ?? state.deleted };
  return { next, records };
}

function isReal(before: ServiceRecord | undefined, edit: ServiceEdit | null): boolean {
  if (before === undefined || edit === null) return before !== undefined || edit !== null;
  return !isSameJson(before.document, edit.document) || !isSameJson(before.base, edit.base);
}

const formProblems = problemFinder(ServiceSchema);

function problemsOf(name: string, document: ServiceDocument, { surroundings, locate }: Surrounded): Problem[] {
  // The meaning is looked at only once the form is right.
  const form = formProblems(document);
  const problems = form.length === 0 ? checkService(name, document, surroundings) : form;
  return problems.map((problem) => locate(name, problem));
}

function refuseIf(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const detail =
    problems.length === 1
      ? 'One field is wrong; nothing was changed.'
      : `${problems.length} fields are wrong; nothing was changed.`;
  throw new ControlError('invalid', detail, problems);
}

function nextRecord(
  name: string,
  { document, base }: ServiceEdit,
  before: ServiceRecord | undefined,
  options: Surrounded,
): ServiceRecord {
  if (before !== undefined && isSameJson(before.document, document)) return { ...before, base };
  const stickySecret = before?.stickySecret ?? options.makeSecret();
  const spec = compileService(name, serviceWithDefaults(document), before?.spec ?? null, { stickySecret });
  return { name, document, base, earlierSplits: earlierSplits(before, document), spec, stickySecret };
}

/** A split that is replaced becomes what a rollback goes back to. */
function earlierSplits(before: ServiceRecord | undefined, document: ServiceDocument): ServiceRecord['earlierSplits'] {
  if (before === undefined) return [];
  const split = splitOf(before.document);
  if (isSameJson(split, splitOf(document))) return before.earlierSplits;
  return [...before.earlierSplits, split].slice(-EARLIER_SPLITS_MAX);
}

/** What services that stay as they are look things up in must still be there: a walk over all of them, seldom needed. */
function danglingNames(
  services: ReadonlyMap<string, ServiceRecord>,
  records: ReadonlyMap<string, ServiceRecord | null>,
  { surroundings, hasNewLookups, locate }: Surrounded,
): Problem[] {
  if (!hasNewLookups) return [];
  return [...services].flatMap(([name, { document, spec }]) => {
    const hasConditions = spec.rules.length > 0 || (spec.mirror !== null && spec.mirror.when !== null);
    if (records.has(name) || !hasConditions) return [];
    return checkLookupNames(document, surroundings.lookups).map((problem) => locate(name, problem));
  });
}

/** Two services must not want the same requests. Looked at only where a claim is new: it costs a walk over all services. */
function claimProblems(
  services: ReadonlyMap<string, ServiceRecord>,
  records: ReadonlyMap<string, ServiceRecord | null>,
  state: ControlState,
  { locate }: Surrounded,
): Problem[] {
  if (services.size > SERVICES_MAX) {
    return [{ path: '', message: `there would be ${services.size} services; at most ${SERVICES_MAX} are possible` }];
  }
  const claimants = [...records.values()].filter((record) => record !== null && claimsAnew(record, state));
  const [only] = claimants;
  if (only === undefined || only === null) return [];
  const documents = Object.fromEntries([...services].map(([name, record]) => [name, record.document]));
  if (claimants.length === 1) {
    return checkClaims(only.name, only.document, documents).map((problem) => locate(only.name, problem));
  }
  return checkAllClaims(documents).map((problem) => relocated(problem, locate));
}

function claimsAnew(record: ServiceRecord, state: ControlState): boolean {
  const before = state.services.get(record.name);
  return before === undefined || !isSameJson(before.document.match, record.document.match);
}

/** From a pointer into the record of all services to one into what was sent. */
function relocated(problem: Problem, locate: Surrounded['locate']): Problem {
  const [, name = ''] = problem.path.split('/');
  return locate(name, { ...problem, path: problem.path.slice(pointerOf(name).length) });
}

function changesBetween(state: ControlState, records: ReadonlyMap<string, ServiceRecord | null>): ServiceChange[] {
  return [...records].flatMap(([service, record]) => {
    const before = state.services.get(service)?.document ?? null;
    const after = record?.document ?? null;
    return before === after || isSameJson(before, after) ? [] : [{ service, before, after }];
  });
}
