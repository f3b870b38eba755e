import type { FastifyReply, FastifyRequest } from 'fastify';

import type { ProblemDocument } from '../../schema/api.ts';
import { ControlError, type PlacedProblem } from '../control-error.ts';
import { PROBLEMS, type ProblemCode, problemType } from './problems.ts';
import { RequestError } from './request-error.ts';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** Seconds after which a client that was told to come back should. */
const RETRY_AFTER_SECONDS = 1;

/** Any error as the problem that it is to a client. Of our own mistakes nothing is told but the request's id. */
export function refusalOf(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof ControlError) return new RequestError(error.code, error.message, error.problems);
  return frameworkRefusal(error) ?? new RequestError('internal', 'The proxy made a mistake; its log says more.');
}

/** Answers with a problem document (RFC 9457). */
export async function sendProblem(request: FastifyRequest, reply: FastifyReply, refusal: RequestError): Promise<void> {
  const { status } = PROBLEMS[refusal.code];
  if (status === 503) void reply.header('Retry-After', String(RETRY_AFTER_SECONDS));
  await reply
    .code(status)
    .headers(refusal.headers)
    .header('Content-Type', PROBLEM_MEDIA_TYPE)
    // As bytes: to a text the framework would add a charset, which this media type does not have.
    .send(Buffer.from(JSON.stringify(problemDocument(refusal, request.id))));
}

export function problemDocument({ code, message, problems }: RequestError, requestId: string): ProblemDocument {
  const { status, title } = PROBLEMS[code];
  const document = { type: problemType(code), title, status, detail: message, instance: `urn:uuid:${requestId}` };
  return problems.length === 0 ? document : { ...document, errors: problems.map(fieldOf) };
}

function fieldOf({ path, message, line, column }: PlacedProblem): NonNullable<ProblemDocument['errors']>[number] {
  const field = { pointer: path, detail: message };
  return line === undefined || column === undefined ? field : { ...field, line, column };
}

/** What the HTTP framework refuses by itself, by its code. */
const FRAMEWORK_CODES: Readonly<Record<string, ProblemCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported-media-type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'malformed-request',
  FST_ERR_BAD_URL: 'malformed-request',
};

function frameworkRefusal(error: unknown): RequestError | null {
  if (!(error instanceof Error)) return null;
  const { code } = error as NodeJS.ErrnoException;
  const known = FRAMEWORK_CODES[code ?? ''];
  return known === undefined ? null : new RequestError(known, `${PROBLEMS[known].title}. ${PROBLEMS[known].remedy}`);
}
