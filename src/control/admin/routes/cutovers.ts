import {
  type CutoverRequest,
  CutoverRequestSchema,
  PageQuerySchema,
  ReceiptSchema,
  itemsOf,
} from '../../../schema/api.ts';
import { ControlError } from '../../control-error.ts';
import { findService } from '../../state/find-in-state.ts';
import type { Routes } from '../admin-context.ts';
import { changeContextOf } from '../change-request.ts';
import { type PageQuery, limitOf } from '../page.ts';
import { receiptAnswer, receiptOf } from '../receipt-answer.ts';
import { ONCE_HEADERS, WAIT_HEADERS, answers, pathOf } from '../route-schema.ts';
import { clientGone, sayWaited, waitMsOf } from '../wait-preference.ts';

const PATH = '/v1/services/:service/cutovers';
const tags = ['traffic'];

interface ServicePath {
  Params: { service: string };
}

export const cutoverRoutes: Routes = (app, context) => {
  const { control, keys } = context;

  app.get<ServicePath & { Querystring: PageQuery }>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Lists the receipts of a service, newest first',
        params: pathOf('service'),
        querystring: PageQuerySchema,
        response: answers({ 200: itemsOf(ReceiptSchema, 'Receipts, newest first.') }),
      },
    },
    async (request) => {
      const { name } = findService(control.state, request.params.service);
      return { items: await control.receipts(name, limitOf(request.query)) };
    },
  );

  app.post<ServicePath & { Body: CutoverRequest }>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Moves all traffic to one pool at once',
        description:
          'Answers when every request accepted later goes to the new pool. If-Match may name the ETag of the split or of the service.',
        params: pathOf('service'),
        headers: ONCE_HEADERS,
        body: CutoverRequestSchema,
        response: answers({ 201: ReceiptSchema }),
      },
    },
    (request, reply) =>
      keys.once(request, reply, async (claim) => {
        const { service } = request.params;
        const outcome = await control.cutover(service, request.body, changeContextOf(request, context, claim));
        return receiptAnswer(await receiptOf(control, outcome, request, reply), outcome);
      }),
  );

  app.get<{ Params: { service: string; id: string } }>(
    `${PATH}/:id`,
    {
      schema: {
        tags,
        summary: 'Shows a receipt, its drain brought up to date',
        params: pathOf('service', 'id'),
        headers: WAIT_HEADERS,
        response: answers({ 200: ReceiptSchema }),
      },
    },
    async (request, reply) => {
      const { service, id } = request.params;
      const waitMs = waitMsOf(request);
      const receipt = await control.receipt(id, waitMs, clientGone(reply));
      if (receipt === null || receipt.service !== service) {
        throw new ControlError('not-found', `The service "${service}" has no receipt "${id}".`);
      }
      sayWaited(reply, waitMs);
      return receipt;
    },
  );
};
