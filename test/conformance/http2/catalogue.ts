/** What clients of HTTP/2 can send, by what of it is right or wrong: all of it is played to the real proxy (`http2.test.ts`). */
import { ANSWER_CASES } from './catalogue/answers.ts';
import { BODIES } from './catalogue/bodies.ts';
import { CONTROL_FRAMES } from './catalogue/control-frames.ts';
import { ENDINGS } from './catalogue/endings.ts';
import { FLOODS } from './catalogue/floods.ts';
import { FRAME_HEADS } from './catalogue/frame-heads.ts';
import { HEADER_COMPRESSION } from './catalogue/header-compression.ts';
import { HEADS } from './catalogue/heads.ts';
import { MESSAGES } from './catalogue/messages.ts';
import { PREFACES } from './catalogue/prefaces.ts';
import { SETTINGS_CASES } from './catalogue/settings.ts';
import { STRICTNESS } from './catalogue/strictness.ts';
import { WINDOWS } from './catalogue/windows.ts';
import type { FrameCase } from './frame-case.ts';

export const FRAME_CATALOGUE: ReadonlyMap<string, readonly FrameCase[]> = new Map([
  ['the preface', PREFACES],
  ['heads of frames', FRAME_HEADS],
  ['settings', SETTINGS_CASES],
  ['frames of the connection', CONTROL_FRAMES],
  ['heads', HEADS],
  ['header compression', HEADER_COMPRESSION],
  ['messages', MESSAGES],
  ['bodies', BODIES],
  ['answers', ANSWER_CASES],
  ['windows', WINDOWS],
  ['endings', ENDINGS],
  ['floods', FLOODS],
  ['what others let pass', STRICTNESS],
]);

export const ALL_FRAME_CASES: readonly FrameCase[] = [...FRAME_CATALOGUE.values()].flat();
