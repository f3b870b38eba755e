import { StatusSchema } from '../../../schema/api.ts';
import type { Routes } from '../admin-context.ts';
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
    () => control.status(),
  );
};
