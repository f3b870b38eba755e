import type { ServiceDocument } from '../../schema/service.ts';
import { ControlError } from '../control-error.ts';

/** What is shown instead of a secret; written back, it means the secret that is there. */
export const REDACTED = '[redacted, 16 or more characters to replace]';

/** What was written, without the name that reading gave it, so that a document can be sent back as it was read. */
export function withoutName(body: unknown, name: string): unknown {
  if (body === null || typeof body !== 'object' || !('name' in body)) return body;
  const { name: named, ...document } = body;
  if (named !== name) {
    const message = `must be "${name}", as the path says, or be left out`;
    throw new ControlError('invalid', 'The name is not that of the path.', [{ path: '/name', message }]);
  }
  return document;
}

/** The document as it is shown to operators. */
export function redacted(document: ServiceDocument): ServiceDocument {
  if (document.sticky?.secret === undefined) return document;
  return { ...document, sticky: { ...document.sticky, secret: REDACTED } };
}

/** Puts the secret that is there where a document says what `redacted` made of it. */
export function keepSecret(document: ServiceDocument, before: ServiceDocument | undefined): ServiceDocument {
  if (document?.sticky?.secret !== REDACTED) return document;
  const secret = before?.sticky?.secret;
  if (secret === undefined) {
    const message = 'stands for a secret that is not there; give one, or leave it out and one is made';
    throw new ControlError('invalid', 'There is no secret to keep.', [{ path: '/sticky/secret', message }]);
  }
  return { ...document, sticky: { ...document.sticky, secret } };
}
