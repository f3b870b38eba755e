import type { FilterAnswer } from '../../modules/user-code.ts';
import type { OwnAnswer } from '../http1/own-answer.ts';
import { FieldEdits, PROTECTED_IN_RESPONSES } from './field-edits.ts';
import { hasNoBody, isFinalStatus } from './own-status.ts';
import { disregard, isThenable } from './thenable.ts';

/** More than an answer that is written by hand has; what is larger is a target's to serve. */
const BODY_CHARS_MAX = 1024 * 1024;

/** An answer of user code as it is sent. Throws a `TypeError` that says what is wrong with it. */
export function checkedAnswer(returned: unknown): OwnAnswer {
  if (isThenable(returned)) {
    disregard(returned);
    throw new TypeError('it returned a promise, and nobody waits for one');
  }
  const { status, headers, body } = (returned ?? {}) as Partial<FilterAnswer>;
  if (typeof returned !== 'object' || typeof headers !== 'object' || headers === null || typeof body !== 'string') {
    throw new TypeError('it must return nothing, or what respond() gives');
  }
  if (!isFinalStatus(status))
    throw new TypeError(`a status is a whole number from 200 to 599; it is ${String(status)}`);
  if (body !== '' && hasNoBody(status)) throw new TypeError(`an answer of ${status} has no body`);
  if (body.length > BODY_CHARS_MAX) throw new TypeError(`a body has at most ${BODY_CHARS_MAX} characters`);
  const fields = new FieldEdits(PROTECTED_IN_RESPONSES);
  for (const [name, value] of Object.entries(headers)) fields.set(name, value);
  if (body !== '' && !fields.has('content-type')) fields.set('Content-Type', 'text/plain; charset=utf-8');
  return { status, fields: fields.added, body: Buffer.from(body, 'utf8').toString('latin1') };
}
