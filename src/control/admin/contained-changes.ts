import type { TSchema } from 'typebox';

import {
  CutoverRequestSchema,
  NamedPoolSchema,
  NamedServiceSchema,
  RollbackRequestSchema,
  ServicePatchSchema,
  SplitRequestSchema,
  TargetPatchSchema,
} from '../../schema/api.ts';
import type { CutoverRequest, RollbackRequest, SplitRequest, TargetPatch } from '../../schema/api.ts';
import { type MirrorDocument, MirrorSchema } from '../../schema/mirror.ts';
import { type PauseDocument, PauseSchema } from '../../schema/pause.ts';
import { deleteMirror, putMirror } from '../changes/mirror-changes.ts';
import { deletePause, putPause } from '../changes/pause-changes.ts';
import { deletePool, putPool } from '../changes/pool-changes.ts';
import { deleteService, patchService, putService } from '../changes/service-changes.ts';
import { patchTarget } from '../changes/target-changes.ts';
import { type Wellness, cutover, rollback, setSplit } from '../changes/traffic-changes.ts';
import type { Change, ChangeContext } from '../state/change.ts';
import type { ControlState } from '../state/control-state.ts';
import { mirrorTags, pauseTags, poolTags, serviceTags, splitTags, targetTags } from '../state/resource-tags.ts';

/** The names that a path carries. Those that the route does not have are "". */
export interface PathNames {
  readonly service: string;
  readonly pool: string;
  readonly target: string;
}

/** A change that a set may hold. */
export interface ContainedChange {
  readonly method: string;
  /** As in the table of who may call what. */
  readonly route: string;
  /** `null`: it has none. */
  readonly body: TSchema | null;
  readonly isBodyOptional?: boolean;
  /** The name that may be new, and so has to be a good one. */
  readonly names?: 'service' | 'pool';
  /** `body` was held against the schema. */
  readonly change: (names: PathNames, body: unknown, context: ChangeContext, health: Wellness) => Change;
  /** Entity tags of what it changes; none: that is not there. */
  readonly tagsOf: (state: ControlState, names: PathNames) => string[];
}

const SERVICE = '/v1/services/:service';
const POOL = `${SERVICE}/pools/:pool`;

/** Every change of a service that the API has; a test holds it against the routes. */
export const CONTAINED_CHANGES: readonly ContainedChange[] = [
  {
    method: 'PUT',
    route: SERVICE,
    names: 'service',
    body: NamedServiceSchema,
    change: ({ service }, body, context) => putService(service, body, context),
    tagsOf: (state, { service }) => serviceTags(state, service),
  },
  {
    method: 'PATCH',
    route: SERVICE,
    body: ServicePatchSchema,
    change: ({ service }, body, context) => patchService(service, body, context),
    tagsOf: (state, { service }) => serviceTags(state, service),
  },
  {
    method: 'DELETE',
    route: SERVICE,
    body: null,
    change: ({ service }, _body, context) => deleteService(service, context),
    tagsOf: (state, { service }) => serviceTags(state, service),
  },
  {
    method: 'PUT',
    route: POOL,
    names: 'pool',
    body: NamedPoolSchema,
    change: ({ service, pool }, body, context) => putPool(service, pool, body, context),
    tagsOf: (state, { service, pool }) => poolTags(state, service, pool),
  },
  {
    method: 'DELETE',
    route: POOL,
    body: null,
    change: ({ service, pool }, _body, context) => deletePool(service, pool, context),
    tagsOf: (state, { service, pool }) => poolTags(state, service, pool),
  },
  {
    method: 'PATCH',
    route: `${POOL}/targets/:target`,
    body: TargetPatchSchema,
    change: (names, body, context) => patchTarget(names, body as TargetPatch, context),
    tagsOf: (state, { service, pool, target }) => targetTags(state, service, pool, target),
  },
  {
    method: 'PUT',
    route: `${SERVICE}/split`,
    body: SplitRequestSchema,
    change: ({ service }, body, context, health) => setSplit(service, body as SplitRequest, context, health),
    tagsOf: (state, { service }) => splitTags(state, service),
  },
  {
    method: 'POST',
    route: `${SERVICE}/cutovers`,
    body: CutoverRequestSchema,
    change: ({ service }, body, context, health) => cutover(service, body as CutoverRequest, context, health),
    tagsOf: (state, { service }) => splitTags(state, service),
  },
  {
    method: 'POST',
    route: `${SERVICE}/rollback`,
    body: RollbackRequestSchema,
    isBodyOptional: true,
    change: ({ service }, body, context, health) => rollback(service, body as RollbackRequest, context, health),
    tagsOf: (state, { service }) => splitTags(state, service),
  },
  {
    method: 'PUT',
    route: `${SERVICE}/mirror`,
    body: MirrorSchema,
    change: ({ service }, body, context) => putMirror(service, body as MirrorDocument, context),
    tagsOf: (state, { service }) => mirrorTags(state, service),
  },
  {
    method: 'DELETE',
    route: `${SERVICE}/mirror`,
    body: null,
    change: ({ service }, _body, context) => deleteMirror(service, context),
    tagsOf: (state, { service }) => mirrorTags(state, service),
  },
  {
    method: 'PUT',
    route: `${SERVICE}/pause`,
    body: PauseSchema,
    isBodyOptional: true,
    change: ({ service }, body, context) => putPause(service, body as PauseDocument, context),
    tagsOf: (state, { service }) => pauseTags(state, service),
  },
  {
    method: 'DELETE',
    route: `${SERVICE}/pause`,
    body: null,
    change: ({ service }, _body, context) => deletePause(service, context),
    tagsOf: (state, { service }) => pauseTags(state, service),
  },
];
