/** Sessions of HTTP/2 as clients lead them, drawn at random: what is changed of them afterwards was good before. */
import {
  FLAG,
  FRAME,
  frame,
  headerBlock,
  indexed,
  remembered,
  settingsPayload,
  uint32,
} from '../helpers/frame-client.ts';
import type { Picker } from './mutate.ts';

const REQUESTS_MAX = 5;
const PATHS = ['/', '/a', '/a/b?c=d', '/marker/0123456789', '/x?%20y', '*'];
/** "www.example.com", by the codes of RFC 7541 section C.4.1. */
const CODED = Buffer.from('f1e3c2e5f23a6ba0ab90f4ff', 'hex');

/** Whole frames, the settings of the client first. */
export function drawSession(pick: Picker): Buffer[] {
  const session = new DrawnSession(pick);
  const frames = [frame(FRAME.settings, 0, 0, drawSettings(pick))];
  for (let nth = 0; nth < 1 + pick.below(REQUESTS_MAX); nth++) {
    frames.push(...session.begin(1 + 2 * nth), ...session.goOn(pick.below(4)));
  }
  return [...frames, ...session.goOn(Infinity)];
}

function drawSettings(pick: Picker): Buffer {
  return settingsPayload([
    [1, pick.one([0, 4096, 100])],
    // No larger: a stream may have been given more already, and no window is larger than can be.
    [4, pick.one([65_535, 0, 1, 100_000, 2 ** 30])],
    [5, pick.one([16_384, 100_000])],
  ]);
}

class DrawnSession {
  readonly #pick: Picker;
  /** Of each stream that goes on, what is left of it. */
  readonly #open: Buffer[][] = [];
  #isRemembered = false;

  constructor(pick: Picker) {
    this.#pick = pick;
  }

  /** The frames of a head, which belong together; what follows them is said by `goOn`. */
  begin(stream: number): Buffer[] {
    const pick = this.#pick;
    const rest = pick.chance(0.6) ? drawBody(pick, stream) : [];
    this.#open.push([...rest, ...drawAside(pick, stream)]);
    return inFrames(pick, stream, this.#block(rest.length > 0), rest.length === 0);
  }

  #block(hasBody: boolean): Buffer {
    const pick = this.#pick;
    const method = hasBody ? pick.one(['POST', 'PUT', 'GET']) : pick.one(['GET', 'HEAD', 'DELETE', 'OPTIONS']);
    const path = pick.one(PATHS);
    const plain = headerBlock([
      [':method', path === '*' ? 'OPTIONS' : method],
      [':scheme', pick.one(['http', 'https'])],
      [':authority', 'a.test'],
      [':path', path],
      ...(hasBody && pick.chance(0.3) ? [['content-length', pick.one(['5', '10', '0'])] as const] : []),
      ...(pick.chance(0.3) ? [['cookie', 'a=1'] as const, ['cookie', 'b=2'] as const] : []),
      ...(pick.chance(0.2) ? [['te', 'trailers'] as const] : []),
    ]);
    const more = [
      ...(pick.chance(0.3) ? [this.#remember()] : []),
      ...(this.#isRemembered && pick.chance(0.5) ? [indexed(62)] : []),
      ...(pick.chance(0.3) ? [Buffer.concat([Buffer.from('\x00\x03x-h'), Buffer.of(0x80 | CODED.length), CODED])] : []),
    ];
    return Buffer.concat([plain, ...more]);
  }

  #remember(): Buffer {
    this.#isRemembered = true;
    return remembered('x-r', `value-${this.#pick.below(10)}`);
  }

  /** So many more frames of streams that were begun, or all of them. */
  goOn(count: number): Buffer[] {
    const frames: Buffer[] = [];
    while (frames.length < count) {
      const open = this.#open.filter((one) => one.length > 0);
      if (open.length === 0) break;
      const next = this.#pick.one(open).shift();
      if (next !== undefined) frames.push(next);
    }
    return frames;
  }
}

function drawBody(pick: Picker, stream: number): Buffer[] {
  const frames = Array.from({ length: pick.below(4) }, () => drawData(pick, stream, 0));
  if (pick.chance(0.2)) {
    const trailers = headerBlock([['x-sum', '1']]);
    return [...frames, frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, stream, trailers)];
  }
  return [...frames, drawData(pick, stream, FLAG.endStream)];
}

function drawData(pick: Picker, stream: number, flags: number): Buffer {
  const body = Buffer.from(pick.one(['hello', '', 'x', '0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n', 'y'.repeat(2000)]));
  if (!pick.chance(0.2)) return frame(FRAME.data, flags, stream, body);
  const padding = pick.below(30);
  const payload = Buffer.concat([Buffer.of(padding), body, Buffer.alloc(padding)]);
  return frame(FRAME.data, flags | FLAG.padded, stream, payload);
}

/** What may come beside the frames of a request. */
function drawAside(pick: Picker, stream: number): Buffer[] {
  const asides = [
    frame(FRAME.ping, 0, 0, Buffer.alloc(8, 1)),
    frame(FRAME.window, 0, 0, uint32(1 + pick.below(100_000))),
    frame(FRAME.window, 0, stream, uint32(1 + pick.below(100_000))),
    frame(FRAME.reset, 0, stream, uint32(8)),
    frame(FRAME.settings, 0, 0, drawSettings(pick)),
    frame(FRAME.priority, 0, stream, Buffer.from([0, 0, 0, 0, 15])),
    frame(0x16, 0, 0, Buffer.from('unknown')),
  ];
  return pick.chance(0.3) ? [pick.one(asides)] : [];
}

/** A head in one frame, or in some, one behind the other. */
function inFrames(pick: Picker, stream: number, block: Buffer, endsStream: boolean): Buffer[] {
  const flags = endsStream ? FLAG.endStream : 0;
  if (pick.chance(0.7)) return [frame(FRAME.headers, flags | FLAG.endHeaders, stream, block)];
  const cut = pick.below(block.length);
  return [
    Buffer.concat([
      frame(FRAME.headers, flags, stream, block.subarray(0, cut)),
      frame(FRAME.continuation, FLAG.endHeaders, stream, block.subarray(cut)),
    ]),
  ];
}
