/** Changes to a session of HTTP/2: to its frames, and to the bytes in them. */
import { uint32 } from '../helpers/frame-client.ts';
import type { Picker } from './mutate.ts';
import { splitFrames } from './http2-sent.ts';

const CHANGES_MAX = 3;
const FRAME_HEAD_BYTES = 9;

type Change = (frames: Buffer[], pick: Picker, others: readonly Buffer[]) => void;

/** `frames` with one to three changes, and perhaps cut off. `others`: frames that may be put in. */
export function mutateSession(frames: readonly Buffer[], others: readonly Buffer[], pick: Picker): Buffer {
  const changed = splitFrames(Buffer.concat(frames)).map((one) => Buffer.from(one));
  for (let left = 1 + pick.below(CHANGES_MAX); left > 0 && changed.length > 0; left--) {
    pick.one(CHANGES)(changed, pick, others);
  }
  const bytes = Buffer.concat(changed);
  return pick.chance(0.1) ? bytes.subarray(0, pick.below(bytes.length + 1)) : bytes;
}

function oneOf(frames: readonly Buffer[], pick: Picker): Buffer {
  return pick.one(frames);
}

function setByte(bytes: Buffer, at: number, value: number): void {
  if (at < bytes.length) bytes[at] = value;
}

const CHANGES: readonly Change[] = [
  // Any bit of any frame.
  (frames, pick) => {
    const one = oneOf(frames, pick);
    const at = pick.below(one.length);
    setByte(one, at, (one[at] ?? 0) ^ (1 << pick.below(8)));
  },
  // A length that is not true.
  (frames, pick) => {
    const one = oneOf(frames, pick);
    const length = Math.max(0, one.readUIntBE(0, 3) + pick.one([-1, 1, 5, 9, -9, 16_384]));
    one.writeUIntBE(Math.min(length, 2 ** 24 - 1), 0, 3);
  },
  (frames, pick) => setByte(oneOf(frames, pick), 3, pick.below(12)),
  (frames, pick) => setByte(oneOf(frames, pick), 4, pick.below(256)),
  (frames, pick) => {
    oneOf(frames, pick).writeUInt32BE(pick.one([0, 1, 2, 3, 5, 7, 101, 2 ** 31 - 1, 2 ** 31 + 1]), 5);
  },
  // A byte that means something in a block of fields, or in a length.
  (frames, pick) => {
    const one = oneOf(frames, pick);
    const at = FRAME_HEAD_BYTES + pick.below(Math.max(1, one.length - FRAME_HEAD_BYTES));
    setByte(one, at, pick.one([0, 0x10, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0x82, 0xbe, 0xff, 0x0a, 0x0d, 0x20, 0x3a]));
  },
  // A number that is too large, or nothing.
  (frames, pick) => {
    const one = oneOf(frames, pick);
    if (one.length >= FRAME_HEAD_BYTES + 4) {
      uint32(pick.one([0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])).copy(one, one.length - 4);
    }
  },
  (frames, pick) => void frames.splice(pick.below(frames.length), 1),
  (frames, pick) => void frames.splice(pick.below(frames.length + 1), 0, Buffer.from(oneOf(frames, pick))),
  (frames, pick, others) => void frames.splice(pick.below(frames.length + 1), 0, Buffer.from(oneOf(others, pick))),
  // Two change their places.
  (frames, pick) => {
    const [a, b] = [pick.below(frames.length), pick.below(frames.length)];
    const [one, other] = [frames[a], frames[b]];
    if (one !== undefined && other !== undefined) [frames[a], frames[b]] = [other, one];
  },
  // Less or more than its length says, or with a length that fits.
  (frames, pick) => {
    const at = pick.below(frames.length);
    const one = frames[at] ?? Buffer.alloc(FRAME_HEAD_BYTES);
    const cut = one.subarray(0, FRAME_HEAD_BYTES + pick.below(one.length - FRAME_HEAD_BYTES + 1));
    const next = pick.chance(0.5)
      ? Buffer.from(cut)
      : Buffer.concat([one, Buffer.alloc(pick.below(20), pick.below(256))]);
    if (pick.chance(0.7)) next.writeUIntBE(next.length - FRAME_HEAD_BYTES, 0, 3);
    frames[at] = next;
  },
];
