/** What a parser made of the bytes of one connection, in a form in which two parsers can be compared. */
export interface WireReading {
  /** In order; the last one may be unfinished. A response ends with the first message that is not interim. */
  readonly messages: readonly ReadMessage[];
  /** Why nothing is read after the last message (or inside of it); null: the bytes ended first. */
  readonly refused: Refusal | null;
}

export interface Refusal {
  readonly code: string;
  readonly reason: string;
}

export interface ReadMessage {
  /** Of a request; "" for a response. */
  readonly method: string;
  /** As it is passed on; "" for a response. */
  readonly target: string;
  /** What a request is for, by its target in absolute-form or its Host; null where the parser does not say. */
  readonly authority: string | null;
  /** Of a response; 0 for a request. */
  readonly status: number;
  readonly reason: string;
  readonly version: string;
  /** Names and values in turns, as sent, without the white space around a value. */
  readonly fields: readonly string[];
  readonly keepAlive: boolean;
  /** A change of protocol is asked for, or made. */
  readonly upgrade: boolean;
  readonly body: string;
  readonly trailers: readonly string[];
  /** `abandoned`: answered before its end, and nothing read after it. */
  readonly state: 'begun' | 'complete' | 'abandoned';
  /** Index of the first byte that does not belong to it; null where it is unfinished or nobody looked. */
  readonly end: number | null;
}

/** Values of a field, in order, in the flat list that a message has. `name` in lower case. */
export function valuesIn(fields: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    if (fields[i]?.toLowerCase() === name) values.push(fields[i + 1] ?? '');
  }
  return values;
}
