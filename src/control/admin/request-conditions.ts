import type { FastifyRequest } from 'fastify';

import type { Preconditions, TagList } from '../state/entity-tag.ts';
import { RequestError } from './request-error.ts';

/** The conditions under which a request is to be carried out (RFC 9110 section 13.1). */
export function preconditionsOf(request: FastifyRequest): Preconditions {
  return {
    ifMatch: tagList(request, 'if-match'),
    ifNoneMatch: tagList(request, 'if-none-match'),
  };
}

/** Whether the client has this very representation already: then 304. Compared weakly, as section 13.1.2 asks. */
export function isKnownToClient(request: FastifyRequest, tag: string): boolean {
  const known = request.headers['if-none-match'];
  if (known === undefined) return false;
  const list = parseTags(known.replaceAll('W/"', '"'), 'if-none-match');
  return list === '*' || list.includes(tag);
}

function tagList(request: FastifyRequest, name: 'if-match' | 'if-none-match'): TagList | null {
  const text = request.headers[name];
  return text === undefined ? null : parseTags(text, name);
}

/** RFC 9110 section 8.8.3: an opaque tag is any visible character but the double quote. */
const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

function parseTags(text: string, name: string): TagList {
  const tags = tagListOf(text);
  if (tags === null) throw new RequestError('malformed-header', `${name} ${TAG_LIST_FORM}.`);
  return tags;
}

/** What a list of entity tags must be. */
export const TAG_LIST_FORM = 'must be "*" or a list of entity tags in double quotes';

/** `null`: it is no such list. */
export function tagListOf(text: string): TagList | null {
  if (text.trim() === '*') return '*';
  const tags = text.split(',').map((tag) => tag.trim());
  return tags.every((tag) => ENTITY_TAG.test(tag)) ? tags : null;
}
