import { NamedPoolSchema } from '../../../schema/api.ts';
import { findPool, findService } from '../../state/find-in-state.ts';
import { poolTag } from '../../state/resource-tags.ts';
import type { Routes } from '../admin-context.ts';
import { changeContextOf, describeChange, sendTagged } from '../change-request.ts';
import { CHANGE_HEADERS, NO_BODY, READ_HEADERS, answers, pathOf, pathToNew } from '../route-schema.ts';

const PATH = '/v1/services/:service/pools/:pool';
const tags = ['pools'];

interface PoolPath {
  Params: { service: string; pool: string };
}

export const poolRoutes: Routes = (app, context) => {
  const { control } = context;

  app.get<PoolPath>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Shows a pool as it was written',
        params: pathOf('service', 'pool'),
        headers: READ_HEADERS,
        response: answers({ 200: NamedPoolSchema }),
      },
    },
    async (request, reply) => {
      const { service, pool: name } = request.params;
      const pool = findPool(findService(control.state, service), name);
      await sendTagged(request, reply, poolTag(pool), { name, ...pool });
    },
  );

  app.put<PoolPath>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Creates or replaces a pool',
        description: 'A new pool has no share. Where the service has health checks, its targets start down.',
        params: pathToNew('service', 'pool'),
        headers: CHANGE_HEADERS,
        body: NamedPoolSchema,
        response: answers({ 200: NamedPoolSchema, 201: NamedPoolSchema }),
      },
    },
    async (request, reply) => {
      const { service, pool: name } = request.params;
      const outcome = await control.putPool(service, name, request.body, changeContextOf(request, context));
      const pool = findPool(findService(outcome.state, service), name);
      const before = outcome.before.services.get(service)?.document.pools ?? {};
      if (!Object.hasOwn(before, name)) {
        void reply.code(201).header('Location', `/v1/services/${service}/pools/${name}`);
      }
      await describeChange(reply, outcome, poolTag(pool)).send({ name, ...pool });
    },
  );

  app.delete<PoolPath>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Removes a pool that nothing sends requests to',
        params: pathOf('service', 'pool'),
        headers: CHANGE_HEADERS,
        response: answers({ 204: NO_BODY }),
      },
    },
    async (request, reply) => {
      const { service, pool } = request.params;
      const outcome = await control.deletePool(service, pool, changeContextOf(request, context));
      await describeChange(reply, outcome, null).code(204).send();
    },
  );
};
