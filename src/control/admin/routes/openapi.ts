import type { Routes } from '../admin-context.ts';

export const openapiRoutes: Routes = (app) => {
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
};
