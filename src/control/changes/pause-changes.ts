import type { PauseDocument } from '../../schema/pause.ts';
import { ControlError } from '../control-error.ts';
import { type Change, type ChangeContext, editDocument } from '../state/change.ts';
import { requirePreconditions } from '../state/entity-tag.ts';
import { findService } from '../state/find-in-state.ts';
import { pauseTag } from '../state/resource-tags.ts';
import { locateBelow } from './locate-below.ts';

export function putPause(service: string, pause: PauseDocument, { preconditions }: ChangeContext): Change {
  return {
    kind: 'pause.put',
    service,
    locate: locateBelow('/pause'),
    edit(state) {
      const record = findService(state, service);
      const tag = pauseTag(record);
      requirePreconditions(preconditions, () => (tag === null ? [] : [tag]));
      return editDocument(record, { ...record.document, pause }, `pauses ${service}`);
    },
  };
}

export function deletePause(service: string, { preconditions }: ChangeContext): Change {
  return {
    kind: 'pause.delete',
    service,
    edit(state) {
      const record = findService(state, service);
      const tag = pauseTag(record);
      if (tag === null) throw new ControlError('not-found', `The service "${service}" is not paused.`);
      requirePreconditions(preconditions, () => [tag]);
      const { pause: _pause, ...document } = record.document;
      return editDocument(record, document, `resumes ${service}`);
    },
  };
}
