import type { ConfigDocument } from '../../schema/config.ts';
import type { ServiceDocument } from '../../schema/service.ts';
import { type Problem, pointerOf } from '../../schema/problem.ts';
import { type LookupNames, lookupNamesOf } from '../config/lookup-names.ts';
import { isSameJson } from '../state/canonical-json.ts';
import type { Change, ChangeContext, Edits, ServiceEdit } from '../state/change.ts';
import type { ControlState } from '../state/control-state.ts';
import { requirePreconditions } from '../state/entity-tag.ts';
import { rebaseService } from '../state/rebase-service.ts';
import { configTag } from '../state/resource-tags.ts';

/**
 * What becomes of what the API changed at run time. keep: it stands for as long as the file has what it names. discard: the
 * file is all there is, and services made by the API are gone too.
 */
export type RunTimeChanges = 'keep' | 'discard';

/** Puts a configuration file in force, with all its services or not at all. */
export function applyConfig(config: ConfigDocument, runTime: RunTimeChanges, { preconditions }: ChangeContext): Change {
  const services: Readonly<Record<string, ServiceDocument>> = config.services ?? {};
  return {
    kind: 'config',
    service: null,
    locate: (service, problem): Problem => ({ ...problem, path: pointerOf('services', service) + problem.path }),
    edit(state): Edits {
      requirePreconditions(preconditions, () => [configTag(state)]);
      const named = Object.keys(services).length;
      const summary = `applies a configuration of ${named} ${named === 1 ? 'service' : 'services'}`;
      if (runTime === 'discard') return { services: replaced(services, state), deleted: new Set(), summary };
      return { ...rebased(services, state, lookupNamesOf(config), new Set(Object.keys(config.listeners))), summary };
    },
  };
}

function replaced(services: Readonly<Record<string, ServiceDocument>>, state: ControlState): Edits['services'] {
  const edits = new Map<string, ServiceEdit | null>();
  for (const name of state.services.keys()) if (!Object.hasOwn(services, name)) edits.set(name, null);
  for (const [name, next] of Object.entries(services)) edits.set(name, { document: next, base: next });
  return edits;
}

function rebased(
  services: Readonly<Record<string, ServiceDocument>>,
  state: ControlState,
  lookups: LookupNames,
  listeners: ReadonlySet<string>,
): Omit<Edits, 'summary'> {
  const edits = new Map<string, ServiceEdit | null>();
  const kept: string[] = [];
  const dropped: string[] = [];
  for (const [name, record] of state.services) {
    if (record.base !== null && !Object.hasOwn(services, name)) edits.set(name, null);
  }
  for (const [name, next] of Object.entries(services)) {
    const record = state.services.get(name);
    const at = pointerOf('services', name);
    if (record === undefined && state.deleted.has(name)) {
      kept.push(at);
    } else if (record === undefined) {
      edits.set(name, { document: next, base: next });
    } else if (record.base === null) {
      if (!isSameJson(record.document, next)) kept.push(at);
      edits.set(name, { document: record.document, base: next });
    } else {
      const result = rebaseService(record.base, record.document, next, lookups, listeners);
      edits.set(name, { document: result.document, base: next });
      kept.push(...result.kept.map((pointer) => at + pointer));
      dropped.push(...result.dropped.map((pointer) => at + pointer));
    }
  }
  const deleted = [...state.deleted].filter((name) => Object.hasOwn(services, name));
  const isSame = deleted.length === state.deleted.size;
  return { services: edits, deleted: isSame ? state.deleted : new Set(deleted), kept, dropped };
}
