import { ReceiptSchema, type SplitRequest, SplitRequestSchema, SplitViewSchema } from '../../../schema/api.ts';
import { findService } from '../../state/find-in-state.ts';
import { splitTag } from '../../state/resource-tags.ts';
import { splitOf } from '../../state/split-of.ts';
import type { Routes } from '../admin-context.ts';
import { changeContextOf, describeChange, sendTagged } from '../change-request.ts';
import { receiptOf } from '../receipt-answer.ts';
import { CHANGE_HEADERS, READ_HEADERS, WAIT_HEADERS, answers, pathOf } from '../route-schema.ts';

const PATH = '/v1/services/:service/split';
const tags = ['traffic'];

interface ServicePath {
  Params: { service: string };
}

export const splitRoutes: Routes = (app, context) => {
  const { control } = context;

  app.get<ServicePath>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Shows the share of each pool',
        params: pathOf('service'),
        headers: READ_HEADERS,
        response: answers({ 200: SplitViewSchema }),
      },
    },
    async (request, reply) => {
      const record = findService(control.state, request.params.service);
      await sendTagged(request, reply, splitTag(record), { weights: splitOf(record.document) });
    },
  );

  app.put<ServicePath & { Body: SplitRequest }>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Sets the share of each pool',
        description:
          'Refused (409) where a share grows of a pool that has no healthy target in state ready, unless forced.',
        params: pathOf('service'),
        headers: { ...CHANGE_HEADERS, properties: { ...CHANGE_HEADERS.properties, ...WAIT_HEADERS.properties } },
        body: SplitRequestSchema,
        response: answers({ 200: ReceiptSchema }),
      },
    },
    async (request, reply) => {
      const { service } = request.params;
      const outcome = await control.setSplit(service, request.body, changeContextOf(request, context));
      const receipt = await receiptOf(control, outcome, request, reply);
      await describeChange(reply, outcome, splitTag(findService(outcome.state, service))).send(receipt);
    },
  );
};
