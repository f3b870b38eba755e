import { AuditEntrySchema, PageQuerySchema, itemsOf } from '../../../schema/api.ts';
import type { Routes } from '../admin-context.ts';
import { type PageQuery, limitOf } from '../page.ts';
import { answers } from '../route-schema.ts';

export const auditRoutes: Routes = (app, { control }) => {
  app.get<{ Querystring: PageQuery }>(
    '/v1/audit',
    {
      schema: {
        tags: ['history'],
        summary: 'Lists the calls that would change something, newest first, refused ones included',
        querystring: PageQuerySchema,
        response: answers({ 200: itemsOf(AuditEntrySchema, 'Calls, newest first.') }),
      },
    },
    async (request) => ({ items: await control.store.audit(limitOf(request.query)) }),
  );
};
