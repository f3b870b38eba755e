import { describe, expect, it } from 'vitest';
import { EndedStreams } from '../../../../src/proxy/http2/ended-streams.ts';
import { ERROR } from '../../../../src/proxy/http2/frames/frame-types.ts';
import { HeaderBlock } from '../../../../src/proxy/http2/frames/header-block.ts';
import { PeerSettings } from '../../../../src/proxy/http2/frames/peer-settings.ts';
import { ReceiveWindow } from '../../../../src/proxy/http2/receive-window.ts';
import { settingsPayload } from '../../../helpers/frame-client.ts';

describe('a window for what is received', () => {
  it('takes as much as was told, and not a byte more', () => {
    const window = new ReceiveWindow(100);
    expect([window.take(60), window.take(40), window.take(1)]).toEqual([true, true, false]);
  });

  it('tells of room when there is enough of it to be worth a frame', () => {
    const window = new ReceiveWindow(100);
    expect([window.take(100), window.giveBack(49), window.giveBack(11), window.giveBack(1)]).toEqual([true, 0, 60, 0]);
    expect([window.take(60), window.take(1)]).toEqual([true, false]);
  });
});

describe('streams that have ended', () => {
  it('are remembered with whose doing it was, the last ones', () => {
    const ended = new EndedStreams(4);
    expect(ended.endOf(1)).toBe('unknown');
    ended.add(1, true);
    ended.add(3, false);
    expect([ended.endOf(1), ended.endOf(3), ended.endOf(5)]).toEqual(['by-us', 'by-both', 'unknown']);
    for (let id = 5; id < 5 + 2 * 64; id += 2) ended.add(id, false);
    expect([ended.endOf(1), ended.endOf(3), ended.endOf(5)]).toEqual(['by-us', 'unknown', 'by-both']);
  });

  it('by our doing are remembered as many as may be under way, and no fewer than by default', () => {
    for (const [streamsMax, remembered] of [
      [4, 128],
      [1000, 1000],
    ] as const) {
      const ended = new EndedStreams(streamsMax);
      for (let nth = 0; nth <= remembered; nth++) ended.add(2 * nth + 1, true);
      expect([ended.endOf(1), ended.endOf(3)]).toEqual(['unknown', 'by-us']);
    }
  });
});

describe('the head that is being sent', () => {
  it('is put together of its parts, whatever becomes of their memory', () => {
    const block = new HeaderBlock(100);
    block.begin(3, true);
    const shared = Buffer.from('..ab..');
    expect(block.add(shared, 2, 4)).toBe(true);
    shared.write('cd', 2);
    expect([block.stream, block.endsStream, block.add(shared, 2, 4)]).toEqual([3, true, true]);
    expect(block.takeAll().toString()).toBe('abcd');
    expect(block.stream).toBe(0);
  });

  it('has an end in bytes, and in frames', () => {
    const block = new HeaderBlock(100);
    block.begin(1, false);
    expect(block.add(Buffer.alloc(101), 0, 101)).toBe(false);
    block.clear();
    block.begin(3, false);
    expect(Array.from({ length: 65 }, () => block.add(Buffer.alloc(0), 0, 0)).indexOf(false)).toBe(64);
  });
});

describe('what a client says of itself', () => {
  function read(...settings: readonly (readonly [number, number])[]) {
    const peer = new PeerSettings();
    const payload = settingsPayload(settings);
    const tableSizes: number[] = [];
    const error = peer.read(payload, 0, payload.length, { setTableBytesMax: (bytes) => void tableSizes.push(bytes) });
    return { error, peer, tableSizes };
  }

  it('is kept as far as answers depend on it', () => {
    const { error, peer, tableSizes } = read([1, 0], [1, 100], [4, 2 ** 31 - 1], [3, 7], [99, 2 ** 32 - 1]);
    expect([error, tableSizes, peer.windowBytes]).toEqual([ERROR.none, [0, 100], 2 ** 31 - 1]);
  });

  it.each([
    ['a push that is neither wanted nor not', [2, 2], ERROR.protocol],
    ['a window that is larger than any', [4, 2 ** 31], ERROR.flowControl],
    ['frames that are too small', [5, 16_383], ERROR.protocol],
    ['frames that are larger than any', [5, 2 ** 24], ERROR.protocol],
  ] as const)('is refused: %s', (_, setting, code) => {
    expect(read(setting).error).toBe(code);
  });
});
