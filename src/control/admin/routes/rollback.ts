import { ReceiptSchema, type RollbackRequest, RollbackRequestSchema } from '../../../schema/api.ts';
import type { Routes } from '../admin-context.ts';
import { changeContextOf } from '../change-request.ts';
import { receiptAnswer, receiptOf } from '../receipt-answer.ts';
import { ONCE_HEADERS, answers, pathOf } from '../route-schema.ts';

export const rollbackRoutes: Routes = (app, context) => {
  const { control, keys } = context;

  app.post<{ Params: { service: string }; Body: RollbackRequest }>(
    '/v1/services/:service/rollback',
    {
      config: { isBodyOptional: true },
      schema: {
        tags: ['traffic'],
        summary: 'Goes back to the split before',
        description:
          'The split that was in force until now becomes the split before, so that a second rollback undoes the first. ' +
          'The body may be left out.',
        params: pathOf('service'),
        headers: ONCE_HEADERS,
        body: RollbackRequestSchema,
        response: answers({ 201: ReceiptSchema }),
      },
    },
    (request, reply) =>
      keys.once(request, reply, async (claim) => {
        const { service } = request.params;
        const outcome = await control.rollback(service, request.body, changeContextOf(request, context, claim));
        return receiptAnswer(await receiptOf(control, outcome, request, reply), outcome);
      }),
  );
};
