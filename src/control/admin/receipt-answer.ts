import type { FastifyReply, FastifyRequest } from 'fastify';

import { assert } from '../../base/assert.ts';
import type { Receipt } from '../../schema/api.ts';
import type { ControlPlane } from '../control-plane.ts';
import type { Outcome } from '../state/change.ts';
import type { StoredAnswer } from '../store/store.ts';
import { GENERATION_FIELD } from './change-request.ts';
import { clientGone, sayWaited, waitMsOf } from './wait-preference.ts';

/** The receipt of a change of traffic: at once, or when its drain has ended, where the client would wait for that. */
export async function receiptOf(
  control: ControlPlane,
  { receipts }: Pick<Outcome, 'receipts'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Receipt> {
  const [receipt] = await receiptsOf(control, receipts, request, reply);
  assert(receipt !== undefined, 'a change of traffic has a receipt');
  return receipt;
}

/** As `receiptOf`, for a change with any number of them. */
export async function receiptsOf(
  control: ControlPlane,
  receipts: readonly Receipt[],
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Receipt[]> {
  const waitMs = waitMsOf(request);
  sayWaited(reply, waitMs);
  if (waitMs === 0) return [...receipts];
  const gone = clientGone(reply);
  return Promise.all(
    receipts.map(async (receipt) => {
      if (receipt.drain.state !== 'draining') return receipt;
      return (await control.receipt(receipt.id, waitMs, gone)) ?? receipt;
    }),
  );
}

/** The answer to a POST that has made a receipt, in a form that can be given once more. */
export function receiptAnswer(receipt: Receipt, { state }: Outcome): StoredAnswer {
  const headers = {
    Location: `/v1/services/${receipt.service}/cutovers/${receipt.id}`,
    [GENERATION_FIELD]: String(state.generation),
  };
  return { status: 201, headers, body: JSON.stringify(receipt) };
}
