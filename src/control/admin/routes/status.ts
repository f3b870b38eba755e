import { StatusSchema } from '../../../schema/api.ts';
import type { Routes } from '../admin-context.ts';
import { principalOf } from '../admission.ts';
import { isInScope } from '../principal.ts';
import { answers } from '../route-schema.ts';

export const statusRoutes: Routes = (app, { control }) => {
  app.get(
    '/v1/status',
    {
      schema: {
        tags: ['status'],
        summary: 'Shows what serves at this moment',
        response: answers({ 200: StatusSchema }),
      },
    },
    async (request) => {
      const principal = principalOf(request);
      const status = await control.status();
      return { ...status, services: status.services.filter(({ name }) => isInScope(principal, name)) };
    },
  );
};
