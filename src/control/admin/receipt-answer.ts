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
  { receipt }: Outcome,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Receipt> {
  assert(receipt !== null, 'a change of traffic has a receipt');
  const waitMs = waitMsOf(request);
  sayWaited(reply, waitMs);
  if (waitMs === 0 || receipt.drain.state !== 'draining') return receipt;
  return (await control.receipt(receipt.id, waitMs, clientGone(reply))) ?? receipt;
}

/** The answer to a POST that has made a receipt, in a form that can be given once more. */
export function receiptAnswer(receipt: Receipt, { state }: Outcome): StoredAnswer {
  const headers = {
    Location: `/v1/services/${receipt.service}/cutovers/${receipt.id}`,
    [GENERATION_FIELD]: String(state.generation),
  };
  return { status: 201, headers, body: JSON.stringify(receipt) };
}
