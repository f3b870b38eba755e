import { expect } from 'vitest';
import { FLAG, FRAME, frame } from '../../../helpers/frame-client.ts';
import type { CaseClient } from '../case-client.ts';
import {
  connectionError,
  data,
  type FrameCase,
  frameCase,
  join,
  OK,
  ping,
  priorityOn,
  reset,
  type Saying,
  type Step,
  windowUpdate,
} from '../frame-case.ts';

/** On a connection that ends with its second request. */
const SHORT = { listener: 'short', asksAfter: false } as const;
const BEYOND = 7;

/** Until the proxy has said which stream is the last one: at once, or when it knows that its first notice has come. */
const untilLastIsSaid: Step = async (client: CaseClient) => {
  const isSaid = () => client.client.goaways.some(([, last]) => last < 2 ** 31 - 1);
  const asked = () => client.client.of(FRAME.ping).find(({ flags }) => (flags & FLAG.ack) === 0);
  await client.until(() => isSaid() || asked() !== undefined);
  const notice = asked();
  if (!isSaid() && notice !== undefined) client.sendWhole(ping(notice.payload, FLAG.ack));
  await client.until(isSaid);
};

/** What was sent before the client knew, or by one that does not care: the stream is not looked at. */
function beyond(name: string, frames: (say: Saying) => readonly Buffer[]): FrameCase {
  return frameCase(
    name,
    'RFC 9113 6.8',
    'It was on its way; those before it are answered.',
    OK,
    (say) => [say.get(1, '/?late'), say.get(3), untilLastIsSaid, join(...frames(say))],
    { ...SHORT, requestsMax: 2 },
  );
}

/** RFC 9113 section 6.8. */
export const ENDINGS: readonly FrameCase[] = [
  frameCase(
    'the end of a connection',
    'RFC 9113 6.8',
    'It is said first, and what was asked for is answered.',
    OK,
    (say) => [say.get(1, '/?late'), say.get(3), untilLastIsSaid, (client) => client.until(() => client.isClosed)],
    {
      ...SHORT,
      requestsMax: 2,
      also: ({ client }) => {
        expect(client.status(3)).toBe(200);
        expect(client.goaways.at(-1)).toEqual([0, 3]);
      },
    },
  ),
  beyond('a request beyond the last one', (say) => [say.get(BEYOND)]),
  beyond('a request with a body beyond the last one', (say) => [
    say.post(BEYOND),
    data(BEYOND, 'x', 0),
    data(BEYOND, 'y'),
  ]),
  beyond('a request beyond the last one, given up', (say) => [say.post(BEYOND), data(BEYOND, 'x', 0), reset(BEYOND)]),
  beyond('a request beyond the last one, and a window for its answer', (say) => [
    say.get(BEYOND),
    windowUpdate(BEYOND, 1000),
  ]),
  beyond('a request beyond the last one, with trailers', (say) => [
    say.post(BEYOND),
    data(BEYOND, 'x', 0),
    say.get(BEYOND),
  ]),
  beyond('a priority beyond the last request', () => [frame(FRAME.priority, 0, BEYOND, priorityOn(0))]),
  frameCase(
    'what is malformed when the end was said',
    'RFC 9113 6.8',
    'The rules hold until then.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [say.get(1, '/?hold'), say.get(3), untilLastIsSaid, data(0, 'x')],
    { ...SHORT, requestsMax: 2 },
  ),
];
