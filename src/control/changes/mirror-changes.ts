import type { MirrorDocument } from '../../schema/mirror.ts';
import { ControlError } from '../control-error.ts';
import { type Change, type ChangeContext, editDocument } from '../state/change.ts';
import { requirePreconditions } from '../state/entity-tag.ts';
import { findService } from '../state/find-in-state.ts';
import { mirrorTag } from '../state/resource-tags.ts';
import { locateBelow } from './locate-below.ts';

export function putMirror(service: string, mirror: MirrorDocument, { preconditions }: ChangeContext): Change {
  return {
    kind: 'mirror.put',
    service,
    locate: locateBelow('/mirror'),
    edit(state) {
      const record = findService(state, service);
      const tag = mirrorTag(record);
      requirePreconditions(preconditions, () => (tag === null ? [] : [tag]));
      return editDocument(record, { ...record.document, mirror }, `copies requests of ${service} to ${mirror.pool}`);
    },
  };
}

export function deleteMirror(service: string, { preconditions }: ChangeContext): Change {
  return {
    kind: 'mirror.delete',
    service,
    edit(state) {
      const record = findService(state, service);
      const tag = mirrorTag(record);
      if (tag === null) throw new ControlError('not-found', `The service "${service}" has no mirror.`);
      requirePreconditions(preconditions, () => [tag]);
      const { mirror: _mirror, ...document } = record.document;
      return editDocument(record, document, `ends the mirror of ${service}`);
    },
  };
}
