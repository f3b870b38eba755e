import { createHash } from 'node:crypto';

import type { FastifyReply, FastifyRequest } from 'fastify';

import type { Clock } from '../../base/clock.ts';
import type { Log } from '../log.ts';
import { canonicalJson } from '../state/canonical-json.ts';
import type { IdempotencyClaim, Store, StoredAnswer } from '../store/store.ts';
import { RequestError } from './request-error.ts';

/** How long a key is good for. */
export const IDEMPOTENCY_KEY_TTL_MS = 24 * 3_600_000;

const KEY = /^[\x21-\x7e]{1,255}$/;

/**
 * Carries a POST out once, however often it is sent under one `Idempotency-Key`.
 *
 * The key is committed together with the change, so that even a crash between the change and its answer cannot make
 * the change happen twice. Only what was carried out is remembered: a refused request has changed nothing, and what stood in
 * its way may be gone when it comes again.
 */
export class IdempotencyKeys {
  readonly #store: Pick<Store, 'idempotencyKey' | 'saveAnswer'>;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Key → fingerprint of the requests under way. */
  readonly #underWay = new Map<string, string>();

  constructor(store: Pick<Store, 'idempotencyKey' | 'saveAnswer'>, clock: Clock, log: Log) {
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** Answers with what `work` gives, or with what it gave when the key was first used. */
  async once(
    request: FastifyRequest,
    reply: FastifyReply,
    work: (claim: IdempotencyClaim | null) => Promise<StoredAnswer>,
  ): Promise<void> {
    const claim = claimOf(request);
    if (claim === null) return send(reply, await work(null));
    // Taken before anything is waited for: two requests of the same moment must not both find the key free.
    this.#refuseUnderWay(claim);
    this.#underWay.set(claim.key, claim.fingerprint);
    try {
      const earlier = await this.#earlierAnswer(claim);
      if (earlier !== null) return await send(reply.header('Idempotency-Replayed', 'true'), earlier);
      const answer = await work(claim);
      await this.#save(claim.key, answer);
      return await send(reply, answer);
    } finally {
      this.#underWay.delete(claim.key);
    }
  }

  async #save(key: string, answer: StoredAnswer): Promise<void> {
    try {
      await this.#store.saveAnswer(key, answer);
    } catch (error) {
      // The change is served: it is answered. Whoever asks again is told that it was carried out.
      this.#log.error({ err: error }, 'the store did not keep an answer');
    }
  }

  #refuseUnderWay({ key, fingerprint }: IdempotencyClaim): void {
    const underWay = this.#underWay.get(key);
    if (underWay === undefined) return;
    if (underWay !== fingerprint) throw reused();
    throw new RequestError('idempotency-key-in-progress', 'The first request with this key has not been answered yet.');
  }

  async #earlierAnswer({ key, fingerprint }: IdempotencyClaim): Promise<StoredAnswer | null> {
    const record = await this.#store.idempotencyKey(key);
    if (record === null || this.#clock.wallMs() - record.committedAtMs > IDEMPOTENCY_KEY_TTL_MS) return null;
    if (record.fingerprint !== fingerprint) throw reused();
    if (record.answer === null) {
      const detail = `The first request with this key made generation ${record.generation}; its answer was lost.`;
      throw new RequestError('idempotency-key-unfinished', detail);
    }
    return record.answer;
  }
}

function reused(): RequestError {
  return new RequestError('idempotency-key-reused', 'The first request with this key had another path or body.');
}

function claimOf(request: FastifyRequest): IdempotencyClaim | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || !KEY.test(key)) {
    throw new RequestError('malformed-header', 'Idempotency-Key must be 1 to 255 visible ASCII characters.');
  }
  const what = canonicalJson([request.method, request.url, request.body]);
  return { key, fingerprint: createHash('sha256').update(what).digest('base64url') };
}

async function send(reply: FastifyReply, answer: StoredAnswer): Promise<void> {
  await reply.code(answer.status).headers(answer.headers).type('application/json').send(answer.body);
}
