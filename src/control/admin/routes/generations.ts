import { GenerationDetailSchema, GenerationSchema, PageQuerySchema, itemsOf } from '../../../schema/api.ts';
import type { Generation, GenerationDetail } from '../../../schema/api.ts';
import type { ServiceDocument } from '../../../schema/service.ts';
import { redacted } from '../../changes/written-document.ts';
import { ControlError } from '../../control-error.ts';
import type { GenerationRecord } from '../../store/store.ts';
import type { Routes } from '../admin-context.ts';
import { type PageQuery, limitOf } from '../page.ts';
import { answers, pathOf } from '../route-schema.ts';

const tags = ['history'];

export const generationRoutes: Routes = (app, { control }) => {
  app.get<{ Querystring: PageQuery }>(
    '/v1/generations',
    {
      schema: {
        tags,
        summary: 'Lists the changes of the routing, newest first',
        querystring: PageQuerySchema,
        response: answers({ 200: itemsOf(GenerationSchema, 'Generations, newest first.') }),
      },
    },
    async (request) => ({ items: (await control.store.generations(limitOf(request.query))).map(summaryOf) }),
  );

  app.get<{ Params: { n: string } }>(
    '/v1/generations/:n',
    {
      schema: {
        tags,
        summary: 'Shows one change of the routing: who, when, and before and after',
        params: pathOf('n'),
        response: answers({ 200: GenerationDetailSchema }),
      },
    },
    async (request): Promise<GenerationDetail> => {
      const { n } = request.params;
      const record = /^\d{1,15}$/.test(n) ? await control.store.generation(Number(n)) : null;
      if (record === null) throw new ControlError('not-found', `There is no generation ${n}, or it was long ago.`);
      const changes = record.changes.map(({ service, before, after }) => {
        return { service, before: shown(before), after: shown(after) };
      });
      return { ...summaryOf(record), changes };
    },
  );
};

function summaryOf({ changes, ...record }: GenerationRecord): Generation {
  return { ...record, services: changes.map(({ service }) => service) };
}

function shown(document: ServiceDocument | null): Record<string, unknown> | null {
  return document === null ? null : { ...redacted(document) };
}
