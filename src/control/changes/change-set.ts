import { type Problem, problemsUnder } from '../../schema/problem.ts';
import { ControlError, type ControlErrorCode } from '../control-error.ts';
import type { Change, ChangeContext, Edits, ServiceEdit } from '../state/change.ts';
import type { ControlState } from '../state/control-state.ts';
import { type Preconditions, requirePreconditions } from '../state/entity-tag.ts';
import { configTag } from '../state/resource-tags.ts';

/** Changes that the line about a set tells of: it is to be read in a list. */
const SUMMARIES_MAX = 8;

/** One change of a set. */
export interface SetEntry {
  readonly change: Change;
  /** As it was asked for: "PUT /v1/services/shop/split". */
  readonly name: string;
  readonly preconditions: Preconditions;
  /** Entity tags of what it changes; none: that is not there. */
  readonly tagsOf: (state: ControlState) => readonly string[];
}

/** The state after one change of a set; throws a `ControlError` with its problems. */
export type TakeStep = (
  state: ControlState,
  edits: Edits,
  locate: (service: string, problem: Problem) => Problem,
) => ControlState;

/**
 * Several changes as one: of one generation, behind one barrier, all or none.
 *
 * They are tried in their order, each on the state that those before it leave, as if they came one after the other. Two
 * things are seen from the set as a whole. Conditions speak of the state before it, which is all that its author can
 * have read. And two services may want the same requests half-way, so that they can swap their hosts.
 */
export function changeSet(entries: readonly SetEntry[], context: ChangeContext, takeStep: TakeStep): Change {
  refuseTwoMovesOfOne(entries);
  return {
    kind: 'changeset',
    service: onlyServiceOf(entries),
    receipts: entries.flatMap(({ change }) => change.receipts ?? []),
    warms: entries.flatMap(({ change }) => change.warms ?? []),
    locate: (service, problem) => ({ ...problem, path: claimOf(entries, service) + problem.path }),
    edit(before): Edits {
      requirePreconditions(context.preconditions, () => [configTag(before)]);
      const touched = new Set<string>();
      const summaries: string[] = [];
      let state = before;
      for (const [i, entry] of entries.entries()) {
        const edits = inItsPlace(i, entry, () => {
          requirePreconditions(entry.preconditions, () => entry.tagsOf(before));
          return entry.change.edit(state);
        });
        state = inItsPlace(i, entry, () => takeStep(state, edits, entry.change.locate ?? asItIs));
        for (const name of edits.services.keys()) touched.add(name);
        summaries.push(edits.summary);
      }
      const services = new Map([...touched].map((name) => [name, editOf(state, name)]));
      return { services, deleted: state.deleted, summary: summaryOf(summaries) };
    },
  };
}

function summaryOf(summaries: readonly string[]): string {
  const more = summaries.length - SUMMARIES_MAX;
  return `at once: ${summaries.slice(0, SUMMARIES_MAX).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}

/** The receipts of both would count the same requests, and say of neither where its traffic went. */
function refuseTwoMovesOfOne(entries: readonly SetEntry[]): void {
  const movedAt = new Map<string, number>();
  const problems = entries.flatMap(({ change, name }, i) => {
    const [wish] = change.receipts ?? [];
    if (wish === undefined) return [];
    const first = movedAt.get(wish.service);
    movedAt.set(wish.service, first ?? i);
    if (first === undefined) return [];
    const message = `${name}: /changes/${first} moves the traffic of "${wish.service}" already; one set does so once`;
    return [{ path: `/changes/${i}`, message }];
  });
  if (problems.length > 0)
    throw new ControlError('invalid', 'The set contradicts itself; nothing was changed.', problems);
}

function onlyServiceOf(entries: readonly SetEntry[]): string | null {
  const names = new Set(entries.map(({ change }) => change.service));
  const [only = null] = names;
  return names.size === 1 ? only : null;
}

/** Where the service that wants what another one has says so: only whole services and patches of them can. */
function claimOf(entries: readonly SetEntry[], service: string): string {
  const i = entries.findLastIndex(
    ({ change }) => change.service === service && (change.kind === 'service.put' || change.kind === 'service.patch'),
  );
  return i === -1 ? '' : bodyAt(i);
}

function bodyAt(i: number): string {
  return `/changes/${i}/body`;
}

/** What one of the changes throws, seen from the set. */
function inItsPlace<T>(i: number, { name }: SetEntry, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    const { code, message, problems } = error;
    throw new ControlError(code, `${name}: ${message}`, placed(i, code, message, problems), { cause: error });
  }
}

function placed(i: number, code: ControlErrorCode, detail: string, problems: readonly Problem[]): Problem[] {
  if (problems.length === 0) return [{ path: `/changes/${i}`, message: detail }];
  if (code === 'invalid') return problemsUnder(bodyAt(i), problems);
  // Of others the paths lead into the service, which is not what was sent.
  return problems.map(({ path, message }) => ({ path: `/changes/${i}`, message: `${path} ${message}` }));
}

function editOf(state: ControlState, name: string): ServiceEdit | null {
  const record = state.services.get(name);
  return record === undefined ? null : { document: record.document, base: record.base };
}

function asItIs(_service: string, problem: Problem): Problem {
  return problem;
}
