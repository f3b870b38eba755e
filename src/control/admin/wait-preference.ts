import type { FastifyReply, FastifyRequest } from 'fastify';

/** Longest time for which an answer is held. */
export const WAIT_SECONDS_MAX = 300;

const WAIT = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,9})"?\s*(?=$|[,;])/i;

/** For how long the client would wait for an answer (`Prefer: wait=N`, RFC 7240 section 4.3), at most `WAIT_SECONDS_MAX`. */
export function waitMsOf(request: FastifyRequest): number {
  const prefer = [request.headers['prefer'] ?? []].flat().join(',');
  const seconds = WAIT.exec(prefer)?.[1];
  return seconds === undefined ? 0 : Math.min(Number(seconds), WAIT_SECONDS_MAX) * 1_000;
}

/** Says that the preference was honoured, and for how long the answer was held at most. */
export function sayWaited(reply: FastifyReply, waitMs: number): void {
  if (waitMs > 0) void reply.header('Preference-Applied', `wait=${waitMs / 1_000}`);
}

/** Fires when the client is gone, so that nothing is held for nobody. */
export function clientGone(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  return gone.signal;
}
