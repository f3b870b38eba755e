import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';

import type { FastifyReply, FastifyRequest } from 'fastify';

import { ControlError } from '../control-error.ts';
import type { AccessControl } from './access-control.ts';
import { actorOf, addressOf, serviceOf } from './admission.ts';
import { PROBLEM_MEDIA_TYPE, problemDocument, refusalOf, sendProblem } from './problem-reply.ts';
import { PROBLEMS, type ProblemCode } from './problems.ts';
import { type RefusalJournal, type RefusedCall, requestLine } from './refusal-journal.ts';
import { RequestError } from './request-error.ts';

/** Answers with a problem, and tells the journal, unless the audit knows. */
export async function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  error: unknown,
  refusals: RefusalJournal,
): Promise<void> {
  const refusal = refusalOf(error);
  const isReading = request.method === 'GET' || request.method === 'HEAD';
  const isFailure = PROBLEMS[refusal.code].status >= 500;
  const isAudited = error instanceof ControlError && error.isAudited;
  // That something is not there, or that it does not work, is an answer to a reader and no refusal.
  const isAnswer = isReading && (isFailure || refusal.code === 'not-found');
  if (!isAudited && !isAnswer) {
    await refusals.record({
      actor: actorOf(request),
      requestId: request.id,
      request: requestLine(request.method, request.url),
      service: serviceOf(request),
      code: refusal.code,
      detail: refusal.message,
      isFailure,
    });
  }
  await sendProblem(request, reply, refusal);
}

/** For what never became a request. */
export function refuseBytes(
  error: NodeJS.ErrnoException,
  socket: Socket,
  refusals: RefusalJournal,
  access: AccessControl,
): void {
  const certificate = certificateProblem(error, socket);
  if (certificate !== null) {
    access.certificateRefused();
    void refusals.record({ ...bytesOf(socket), code: 'unauthorized', detail: `client certificate: ${certificate}` });
  } else if (error.code !== 'ECONNRESET' && !isTlsError(error)) {
    const code = clientErrorCode(error.code);
    const requestId = randomUUID();
    void refusals.record({ ...bytesOf(socket), requestId, code, detail: PROBLEMS[code].title });
    if (socket.writable) return void socket.end(rawProblem(code, requestId));
  }
  socket.destroy();
}

function bytesOf(socket: Socket): Omit<RefusedCall, 'code' | 'detail'> {
  return {
    actor: { kind: 'api', name: 'anonymous', address: addressOf(socket) },
    requestId: randomUUID(),
    request: 'bytes that are no request',
    service: null,
    isFailure: false,
  };
}

/** Why a client certificate was not good enough; `null`: it is not about that. */
function certificateProblem(error: NodeJS.ErrnoException, socket: Socket): string | null {
  const { authorizationError } = socket as Socket & { authorizationError?: unknown };
  if (typeof authorizationError === 'string') return authorizationError;
  return error.code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' ? 'none was shown' : null;
}

function isTlsError({ code = '' }: NodeJS.ErrnoException): boolean {
  return code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code === 'EPROTO';
}

function clientErrorCode(code: string | undefined): ProblemCode {
  if (code === 'HPE_HEADER_OVERFLOW') return 'head-too-large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request-timeout' : 'malformed-request';
}

/** A whole answer as bytes, for a request that never became one. */
function rawProblem(code: ProblemCode, requestId: string): string {
  const { status, title, remedy } = PROBLEMS[code];
  const body = JSON.stringify(problemDocument(new RequestError(code, `${title}. ${remedy}`), requestId));
  return [
    `HTTP/1.1 ${status} Refused`,
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}
