import { expect } from 'vitest';
import { FLAG, FRAME, frame, settingsPayload } from '../../../helpers/frame-client.ts';
import { connectionError, type FrameCase, frameCase, GOES_ON, OK, SETTING, settings } from '../frame-case.ts';

const WINDOW_MAX = 2 ** 31 - 1;

/** RFC 9113 section 6.5. */
export const SETTINGS_CASES: readonly FrameCase[] = [
  ...(
    [
      ['that push must be 0 or 1', SETTING.enablePush, 2, 'PROTOCOL_ERROR'],
      ['a window that is too large', SETTING.initialWindow, WINDOW_MAX + 1, 'FLOW_CONTROL_ERROR'],
      ['a window as large as a number can be', SETTING.initialWindow, 2 ** 32 - 1, 'FLOW_CONTROL_ERROR'],
      ['frames that are too short', SETTING.frameSize, 16_383, 'PROTOCOL_ERROR'],
      ['frames of nothing', SETTING.frameSize, 0, 'PROTOCOL_ERROR'],
      ['frames that are too long', SETTING.frameSize, 2 ** 24, 'PROTOCOL_ERROR'],
    ] as const
  ).map(([what, id, value, code]) =>
    frameCase(`settings: ${what}`, 'RFC 9113 6.5.2', 'The value is none.', connectionError(code), () => [
      settings([id, value]),
    ]),
  ),
  ...(
    [
      ['no push', [SETTING.enablePush, 0]],
      ['push, which is not made use of', [SETTING.enablePush, 1]],
      ['the largest window', [SETTING.initialWindow, WINDOW_MAX]],
      ['the longest frames', [SETTING.frameSize, 2 ** 24 - 1]],
      ['no streams of ours', [SETTING.concurrentStreams, 0]],
      ['heads of nothing', [SETTING.listSize, 0]],
      ['a large table', [SETTING.tableSize, 2 ** 32 - 1]],
      ['a table for no entry', [SETTING.tableSize, 20]],
      ['an id that nobody knows', [0xf000, 2 ** 32 - 1]],
      ['the id of nothing', [0, 1]],
      ['that it is asked for tunnels, which clients have no use for', [SETTING.connectProtocol, 1]],
    ] as const
  ).map(([what, pair]) =>
    frameCase(`settings: ${what}`, 'RFC 9113 6.5.2', 'The value is good.', OK, (say) => [settings(pair), say.get(1)], {
      requestsMax: 1,
    }),
  ),
  frameCase('settings: the same one twice', 'RFC 9113 6.5.3', 'The later one counts.', OK, (say) => [
    settings([SETTING.initialWindow, 0], [SETTING.initialWindow, 65_535]),
    say.get(1),
  ]),
  frameCase(
    'settings: one value wrong among others',
    'RFC 9113 6.5.3',
    'They are read in order.',
    connectionError('PROTOCOL_ERROR'),
    () => [settings([SETTING.concurrentStreams, 9], [SETTING.enablePush, 7], [SETTING.concurrentStreams, 3])],
  ),
  frameCase(
    'settings: each is acknowledged once',
    'RFC 9113 6.5.3',
    'The client has to know from when on they hold.',
    GOES_ON,
    () => [settings(), settings([SETTING.concurrentStreams, 3]), settings([0xf000, 1])],
    {
      also: ({ client }) => {
        const acknowledged = client.of(FRAME.settings).filter(({ flags }) => (flags & FLAG.ack) !== 0);
        expect(acknowledged).toHaveLength(4);
      },
    },
  ),
  ...([1, 5, 7, 11] as const).map((length) =>
    frameCase(
      `settings of ${length} bytes`,
      'RFC 9113 6.5',
      'Six bytes each.',
      connectionError('FRAME_SIZE_ERROR'),
      () => [frame(FRAME.settings, 0, 0, Buffer.alloc(length))],
    ),
  ),
  frameCase(
    'settings of a stream',
    'RFC 9113 6.5',
    'They are the connection’s.',
    connectionError('PROTOCOL_ERROR'),
    (say) => [say.post(1), frame(FRAME.settings, 0, 1)],
  ),
  frameCase(
    'an acknowledgement that says something',
    'RFC 9113 6.5',
    'It has nothing to say.',
    connectionError('FRAME_SIZE_ERROR'),
    () => [async (client) => client.acknowledge(), frame(FRAME.settings, FLAG.ack, 0, settingsPayload([[3, 1]]))],
  ),
  frameCase(
    'an acknowledgement of nothing',
    'RFC 9113 6.5.3',
    'It means nothing, and may be taken for a mistake.',
    [...GOES_ON, ...connectionError('PROTOCOL_ERROR')],
    () => [async (client) => client.acknowledge(), frame(FRAME.settings, FLAG.ack, 0)],
  ),
];
