import { type TargetPatch, TargetPatchSchema, type TargetView, TargetViewSchema } from '../../../schema/api.ts';
import { assert } from '../../../base/assert.ts';
import type { TargetPath } from '../../changes/target-changes.ts';
import type { HealthView } from '../../health-view.ts';
import type { ControlState } from '../../state/control-state.ts';
import { findService, findTarget } from '../../state/find-in-state.ts';
import { targetTag } from '../../state/resource-tags.ts';
import { targetView } from '../../status.ts';
import type { Routes } from '../admin-context.ts';
import { changeContextOf, describeChange, sendTagged } from '../change-request.ts';
import { CHANGE_HEADERS, READ_HEADERS, PATCH_MEDIA_TYPES, answers, pathOf } from '../route-schema.ts';

const PATH = '/v1/services/:service/pools/:pool/targets/:target';
const tags = ['targets'];

interface TargetParams {
  Params: { service: string; pool: string; target: string };
}

export const targetRoutes: Routes = (app, context) => {
  const { control } = context;

  app.get<TargetParams>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Shows a target and its health',
        params: pathOf('service', 'pool', 'target'),
        headers: READ_HEADERS,
        response: answers({ 200: TargetViewSchema }),
      },
    },
    async (request, reply) => {
      const { tag, view } = look(control.state, request.params, control.health);
      await sendTagged(request, reply, tag, view);
    },
  );

  app.patch<TargetParams & { Body: TargetPatch }>(
    PATH,
    {
      config: { accepts: PATCH_MEDIA_TYPES },
      schema: {
        tags,
        consumes: [...PATCH_MEDIA_TYPES],
        summary: 'Sets state or weight of a target',
        params: pathOf('service', 'pool', 'target'),
        headers: CHANGE_HEADERS,
        body: TargetPatchSchema,
        response: answers({ 200: TargetViewSchema }),
      },
    },
    async (request, reply) => {
      const outcome = await control.patchTarget(request.params, request.body, changeContextOf(request, context));
      const { tag, view } = look(outcome.state, request.params, control.health);
      await describeChange(reply, outcome, tag).send(view);
    },
  );
};

function look(
  state: ControlState,
  { service, pool, target: id }: TargetPath,
  health: Pick<HealthView, 'statuses'>,
): { tag: string; view: TargetView } {
  const record = findService(state, service);
  const { target } = findTarget(record, pool, id);
  const spec = record.spec.pools.find(({ name }) => name === pool)?.targets.find((candidate) => candidate.id === id);
  assert(spec !== undefined, 'a target of a document is in what was compiled from it');
  const status = health.statuses(service).find((candidate) => candidate.pool === pool && candidate.target === id);
  return { tag: targetTag(target), view: targetView(target.url, spec, status) };
}
