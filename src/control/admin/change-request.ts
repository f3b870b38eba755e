import type { FastifyReply, FastifyRequest } from 'fastify';

import type { ChangeContext, Outcome } from '../state/change.ts';
import type { IdempotencyClaim } from '../store/store.ts';
import type { AdminContext } from './admin-context.ts';
import { actorOf } from './admission.ts';
import { isKnownToClient, preconditionsOf } from './request-conditions.ts';

/** Names the generation that serves, on every answer to a change. */
export const GENERATION_FIELD = 'Cutover-Generation';

/** Who asks for a change over HTTP, and under which conditions. */
export function changeContextOf(
  request: FastifyRequest,
  { clock }: Pick<AdminContext, 'clock'>,
  idempotency: IdempotencyClaim | null = null,
): ChangeContext {
  return {
    actor: actorOf(request),
    requestId: request.id,
    requestedAtMs: clock.wallMs(),
    preconditions: preconditionsOf(request),
    idempotency,
  };
}

/** Adds the generation and the entity tag to the answer to a change. */
export function describeChange(reply: FastifyReply, { state }: Outcome, tag: string | null): FastifyReply {
  void reply.header(GENERATION_FIELD, String(state.generation));
  return tag === null ? reply : reply.header('ETag', tag);
}

/** Answers with a resource and its entity tag, or with 304 where the client has it already. */
export async function sendTagged(
  request: FastifyRequest,
  reply: FastifyReply,
  tag: string,
  body: unknown,
): Promise<void> {
  void reply.header('ETag', tag);
  await (isKnownToClient(request, tag) ? reply.code(304).send() : reply.send(body));
}
