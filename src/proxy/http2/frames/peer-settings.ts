/** What a client has said of itself: RFC 9113 section 6.5.2. Only what an answer depends on is kept. */
import { DEFAULT_WINDOW_BYTES, ERROR, type ErrorCode, MAX_31_BITS, PAYLOAD_BYTES_MAX } from './frame-types.ts';
import { uint32At } from './frame-reader.ts';

export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  maxConcurrentStreams: 3,
  initialWindowSize: 4,
  maxFrameSize: 5,
  maxHeaderListSize: 6,
} as const;

export const SETTING_BYTES = 6;

const MAX_FRAME_SIZE_MAX = 0xff_ffff;

/** Is told of each size that the table for answers may have: that it shrank in between matters, too. */
interface TableOwner {
  setTableBytesMax(bytes: number): void;
}

export class PeerSettings {
  windowBytes = DEFAULT_WINDOW_BYTES;

  /** Reads the payload of a frame, whose length is a whole number of settings. Returns what was wrong with it. */
  read(payload: Buffer, from: number, to: number, table: TableOwner): ErrorCode {
    for (let at = from; at < to; at += SETTING_BYTES) {
      const id = ((payload[at] as number) << 8) | (payload[at + 1] as number);
      const error = this.#set(id, uint32At(payload, at + 2) >>> 0, table);
      if (error !== ERROR.none) {
        return error;
      }
    }
    return ERROR.none;
  }

  #set(id: number, value: number, table: TableOwner): ErrorCode {
    switch (id) {
      case SETTING.headerTableSize:
        table.setTableBytesMax(value);
        return ERROR.none;
      case SETTING.enablePush:
        return value > 1 ? ERROR.protocol : ERROR.none;
      case SETTING.initialWindowSize:
        this.windowBytes = value;
        return value > MAX_31_BITS ? ERROR.flowControl : ERROR.none;
      case SETTING.maxFrameSize:
        return value < PAYLOAD_BYTES_MAX || value > MAX_FRAME_SIZE_MAX ? ERROR.protocol : ERROR.none;
      default:
        return ERROR.none;
    }
  }
}
