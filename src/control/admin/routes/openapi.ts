import type { Routes } from '../admin-context.ts';
import { hoistSchemas } from '../hoist-schemas.ts';

export const openapiRoutes: Routes = (app) => {
  let text: string | null = null;
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) => {
    // Made when it is first asked for: all routes are known by then.
    text ??= JSON.stringify(hoistSchemas({ ...app.swagger() }));
    await reply.type('application/json').send(text);
  });
};
