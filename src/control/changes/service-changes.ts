import type { ServiceDocument } from '../../schema/service.ts';
import { type Change, type ChangeContext, type Edits, editDocument } from '../state/change.ts';
import type { ServiceRecord } from '../state/control-state.ts';
import { requirePreconditions } from '../state/entity-tag.ts';
import { findService } from '../state/find-in-state.ts';
import { mergePatch } from '../state/merge-patch.ts';
import { serviceTag } from '../state/resource-tags.ts';
import { keepSecret, withoutName } from './written-document.ts';

/** Creates the service, or replaces it whole. */
export function putService(name: string, body: unknown, { preconditions }: ChangeContext): Change {
  return {
    kind: 'service.put',
    service: name,
    edit(state) {
      const before = state.services.get(name);
      requirePreconditions(preconditions, () => (before === undefined ? [] : [serviceTag(before)]));
      const document = keepSecret(withoutName(body, name) as ServiceDocument, before?.document);
      const summary = `${before === undefined ? 'creates' : 'replaces'} the service ${name}`;
      const services = new Map([[name, { document, base: before?.base ?? null }]]);
      return { services, deleted: without(state.deleted, name), summary };
    },
  };
}

/** RFC 7396. */
export function patchService(name: string, patch: unknown, { preconditions }: ChangeContext): Change {
  return {
    kind: 'service.patch',
    service: name,
    edit(state) {
      const record = findService(state, name);
      requirePreconditions(preconditions, () => [serviceTag(record)]);
      const merged = mergePatch(record.document, withoutName(patch, name));
      const document = keepSplit(record, keepSecret(merged as ServiceDocument, record.document));
      return editDocument(record, document, `changes the service ${name}`);
    },
  };
}

export function deleteService(name: string, { preconditions }: ChangeContext): Change {
  return {
    kind: 'service.delete',
    service: name,
    edit(state): Edits {
      const record = findService(state, name);
      requirePreconditions(preconditions, () => [serviceTag(record)]);
      // A service of the file would be back with the next reload, if nothing remembered that it was to go.
      const deleted = record.base === null ? state.deleted : new Set([...state.deleted, name]);
      return { services: new Map([[name, null]]), deleted, summary: `deletes the service ${name}` };
    },
  };
}

/**
 * The only pool of a service has all traffic without a word about it. It keeps it when a second pool comes, which starts with
 * nothing: pools are added to be tested first.
 */
export function keepSplit(record: ServiceRecord, document: ServiceDocument): ServiceDocument {
  const [only] = Object.keys(record.document.pools);
  if (only === undefined || record.document.split !== undefined || document.split !== undefined) return document;
  const isAnObject = document.pools !== null && typeof document.pools === 'object';
  if (!isAnObject || !Object.hasOwn(document.pools, only) || Object.keys(document.pools).length === 1) return document;
  return { ...document, split: { [only]: 100 } };
}

function without(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  if (!names.has(name)) return names;
  return new Set([...names].filter((other) => other !== name));
}
