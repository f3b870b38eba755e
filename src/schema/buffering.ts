/** Messages that are kept until they are whole before they are sent on. */
import { Type } from 'typebox';

import { formatted, limit } from './fields.ts';
import { defaulted, strictObject } from './strict-object.ts';

const BufferSchema = strictObject(
  {
    memory: limit('64KiB', 'Of one body, kept in memory.'),
    disk: defaulted(
      formatted('size', 'Of one body, what is longer than that, in a file; "0B": nothing. A size such as "10MiB".'),
      '10MiB',
    ),
  },
  {
    title: 'Buffer',
    description:
      'How much of a body is kept, in memory and then in a file. Files are made in the folder for temporary ones (TMPDIR), ' +
      'have no name there from the moment that they are open, and are at most 256 for each worker.',
  },
);

export const BufferingSchema = strictObject(
  {
    request: Type.Optional(BufferSchema),
    response: Type.Optional(BufferSchema),
  },
  {
    title: 'Buffering',
    description:
      '`request`: the body is read to its end before a target is asked, so that a slow client takes up none; one that is longer than ' +
      'memory and disk gets 413. `response`: the answer is read to its end before the client hears of it, so that a slow client keeps no ' +
      'target, and an answer that breaks off becomes 502; a longer one does too. Events (text/event-stream) and answers with ' +
      '`X-Accel-Buffering: no` pass as they come. Without either, bodies pass as they come.',
  },
);
