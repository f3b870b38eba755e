import { describe, expect, it } from 'vitest';
import { HpackDecoder, type Decoded } from '../../../../../src/proxy/http2/hpack/decoder.ts';

const NO_LIMIT = 1 << 24;

function decode(decoder: HpackDecoder, block: Buffer | string): readonly string[] | Decoded {
  const fields: string[] = [];
  const bytes = typeof block === 'string' ? Buffer.from(block.replaceAll(' ', ''), 'hex') : block;
  // Something stands before and behind each block, as in a buffer of frames.
  const around = Buffer.concat([Buffer.of(0x82), bytes, Buffer.of(0x82)]);
  const decoded = decoder.decode(around, 1, 1 + bytes.length, fields, NO_LIMIT, NO_LIMIT);
  return decoded === 'done' ? fields : decoded;
}

/** What a decoder remembers, the last first: each index is asked for until there is none. */
function remembered(decoder: HpackDecoder): string[] {
  const lines: string[] = [];
  for (let index = 62; ; index++) {
    const fields = decode(decoder, Buffer.of(0x80 | index));
    if (typeof fields === 'string') return lines;
    lines.push(fields.join(': '));
  }
}

interface Example {
  readonly block: string;
  readonly fields: readonly string[];
  readonly table: readonly string[];
}

const FIRST = [':method', 'GET', ':scheme', 'http', ':path', '/', ':authority', 'www.example.com'];
const LAST = [':method', 'GET', ':scheme', 'https', ':path', '/index.html', ':authority', 'www.example.com'];
const REQUESTS = [
  { fields: FIRST, table: [':authority: www.example.com'] },
  {
    fields: [...FIRST, 'cache-control', 'no-cache'],
    table: ['cache-control: no-cache', ':authority: www.example.com'],
  },
  {
    fields: [...LAST, 'custom-key', 'custom-value'],
    table: ['custom-key: custom-value', 'cache-control: no-cache', ':authority: www.example.com'],
  },
];

const PLACE = 'https://www.example.com';
const COOKIE = 'foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
const [DATE, DATE_LATER] = ['Mon, 21 Oct 2013 20:13:21 GMT', 'Mon, 21 Oct 2013 20:13:22 GMT'];
const RESPONSES = [
  {
    fields: [':status', '302', 'cache-control', 'private', 'date', DATE, 'location', PLACE],
    table: [`location: ${PLACE}`, `date: ${DATE}`, 'cache-control: private', ':status: 302'],
  },
  {
    fields: [':status', '307', 'cache-control', 'private', 'date', DATE, 'location', PLACE],
    table: [':status: 307', `location: ${PLACE}`, `date: ${DATE}`, 'cache-control: private'],
  },
  {
    fields: [
      ':status',
      '200',
      'cache-control',
      'private',
      'date',
      DATE_LATER,
      'location',
      PLACE,
      'content-encoding',
      'gzip',
      'set-cookie',
      COOKIE,
    ],
    table: [`set-cookie: ${COOKIE}`, 'content-encoding: gzip', `date: ${DATE_LATER}`],
  },
];

function examples(blocks: readonly string[], expected: readonly Omit<Example, 'block'>[]): readonly Example[] {
  return blocks.map((block, at) => ({ block, ...(expected[at] as Omit<Example, 'block'>) }));
}

/** RFC 7541 appendix C, by its sections. */
const APPENDIX: readonly (readonly [section: string, tableBytes: number, examples: readonly Example[]])[] = [
  [
    'C.2.1',
    4096,
    [
      {
        block: '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572',
        fields: ['custom-key', 'custom-header'],
        table: ['custom-key: custom-header'],
      },
    ],
  ],
  ['C.2.2', 4096, [{ block: '040c 2f73 616d 706c 652f 7061 7468', fields: [':path', '/sample/path'], table: [] }]],
  ['C.2.3', 4096, [{ block: '1008 7061 7373 776f 7264 0673 6563 7265 74', fields: ['password', 'secret'], table: [] }]],
  ['C.2.4', 4096, [{ block: '82', fields: [':method', 'GET'], table: [] }]],
  [
    'C.3',
    4096,
    examples(
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
      REQUESTS,
    ),
  ],
  [
    'C.4',
    4096,
    examples(
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
      REQUESTS,
    ),
  ],
  [
    'C.5',
    256,
    examples(
      [
        '4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d' +
          '546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '4803 3330 37c1 c0bf',
        '88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f' +
          '6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630' +
          '303b 2076 6572 7369 6f6e 3d31',
      ],
      RESPONSES,
    ),
  ],
  [
    'C.6',
    256,
    examples(
      [
        '4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7' +
          '8f0b 97c8 e9ae 82ae 43d3',
        '4883 640e ffc1 c0bf',
        '88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335' +
          'dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07',
      ],
      RESPONSES,
    ),
  ],
];

describe('blocks of fields', () => {
  it.each(APPENDIX)('are read as in RFC 7541 %s', (_section, tableBytes, steps) => {
    const decoder = new HpackDecoder(tableBytes);
    for (const { block, fields, table } of steps) {
      expect(decode(decoder, block)).toEqual(fields);
      expect(remembered(decoder)).toEqual(table);
    }
  });

  it('may be empty, and may be nothing but sizes of the table', () => {
    const decoder = new HpackDecoder(4096);
    expect(decode(decoder, '')).toEqual([]);
    expect(decode(decoder, '20 3f e1 1f')).toEqual([]);
  });

  it('have names and values of all bytes, one character for each', () => {
    const bytes = Buffer.from(Uint8Array.from({ length: 256 }, (_, byte) => byte));
    const block = Buffer.concat([Buffer.of(0x00, 0x7f, 0x81, 0x01), bytes, Buffer.of(0x7f, 0x81, 0x01), bytes]);
    expect(decode(new HpackDecoder(4096), block)).toEqual([bytes.toString('latin1'), bytes.toString('latin1')]);
  });

  it('may have names and values of no bytes', () => {
    expect(decode(new HpackDecoder(4096), '00 00 00 40 80 80')).toEqual(['', '', '', '']);
  });
});

describe('a block that no peer may send', () => {
  const hostile: readonly (readonly [what: string, block: string])[] = [
    ['index 0', '80'],
    ['an index that nothing was remembered at', 'be'],
    ['an index far beyond the table', 'ff 80 80 01'],
    ['the name of an entry that there is not', '7e 01 61'],
    ['the name of an entry that there is not, not remembered', '0f 2f 01 61'],
    ['an index that does not end', 'ff'],
    ['an index that does not end, with more bytes', 'ff 80 80'],
    ['an integer of more bytes than any needs', 'ff 80 80 80 80 00'],
    ['an integer that is too large for one', 'ff ff ff ff ff ff ff ff ff 7f'],
    ['a literal without a name', '00'],
    ['a literal with half of its name', '00 03 61 61'],
    ['a literal without a value', '00 01 61'],
    ['a literal with half of its value', '00 01 61 03 61 61'],
    ['a literal with an index and no value', '41'],
    ['a string longer than the block', '00 01 61 7f ff ff 7f 61'],
    ['a length that does not end', '00 01 61 7f 80'],
    ['a size of the table behind a field', '82 20'],
    ['a size of the table larger than was offered', '3f e2 1f'],
    ['a size of the table that does not end', '3f e1'],
    ['EOS in a string', '00 01 61 84 ff ff ff ff'],
    ['EOS behind a character', '00 01 61 85 1f ff ff ff fc'],
    ['a code that is cut off', '00 01 61 82 1f fe'],
    ['padding of 8 bits', '00 01 61 82 1f ff'],
    ['padding of a whole byte', '00 01 61 81 ff'],
    ['padding that is not of ones', '00 01 61 81 18'],
    ['padding that is not of ones at its end', '00 01 61 81 1e'],
  ];
  it.each(hostile)('is refused: %s', (_what, block) => {
    expect(decode(new HpackDecoder(4096), block)).toBe('malformed');
  });
});

describe('the table of a connection', () => {
  const field = (name: string, value: string): Buffer =>
    Buffer.concat([Buffer.of(0x40, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)]);

  it('is emptied by an entry that is larger than it, which is read', () => {
    const decoder = new HpackDecoder(64);
    decode(decoder, field('a', 'b'));
    expect(decode(decoder, field('name', 'x'.repeat(29)))).toEqual(['name', 'x'.repeat(29)]);
    expect(remembered(decoder)).toEqual([]);
  });

  it('holds an entry of exactly its size', () => {
    const decoder = new HpackDecoder(64);
    decode(decoder, field('name', 'x'.repeat(28)));
    expect(remembered(decoder)).toEqual([`name: ${'x'.repeat(28)}`]);
  });

  it('gives a name away in the moment that it is evicted', () => {
    const decoder = new HpackDecoder(40);
    decode(decoder, field('name', 'v'));
    expect(decode(decoder, Buffer.concat([Buffer.of(0x7e, 3), Buffer.from('new')]))).toEqual(['name', 'new']);
    expect(remembered(decoder)).toEqual(['name: new']);
  });

  it('loses its oldest entries where it is made smaller, and none where it is made larger again', () => {
    const decoder = new HpackDecoder(4096);
    for (const name of ['a', 'b', 'c']) decode(decoder, field(name, '1'));
    // 70 bytes: two entries of 34.
    expect(decode(decoder, '3f 27 3f e1 1f')).toEqual([]);
    expect(remembered(decoder)).toEqual(['c: 1', 'b: 1']);
    decode(decoder, field('d', '1'));
    expect(remembered(decoder)).toEqual(['d: 1', 'c: 1', 'b: 1']);
    decode(decoder, '20');
    expect(remembered(decoder)).toEqual([]);
  });

  it('keeps its order over many times its size', () => {
    const decoder = new HpackDecoder(4096);
    const model: string[] = [];
    for (let i = 0; i < 2_000; i++) {
      const [name, value] = [`n${i % 7}`, 'v'.repeat(i % 90)];
      decode(decoder, field(name, value));
      model.unshift(`${name}: ${value}`);
      while (model.reduce((bytes, line) => bytes + line.length - 2 + 32, 0) > 4096) model.pop();
      if (i % 50 === 0) expect(remembered(decoder)).toEqual(model);
    }
    expect(remembered(decoder)).toEqual(model);
  });
});

describe('what is kept of a block', () => {
  const kept = (block: string, listBytesMax: number, pairsMax: number): readonly [Decoded, readonly string[]] => {
    const fields: string[] = [];
    const bytes = Buffer.from(block.replaceAll(' ', ''), 'hex');
    return [new HpackDecoder(4096).decode(bytes, 0, bytes.length, fields, listBytesMax, pairsMax), fields];
  };
  /** 42 bytes, then 34. */
  const BLOCK = '82 00 01 61 01 62';

  it('is all of it where it is just within the limits', () => {
    expect(kept(BLOCK, 76, 2)).toEqual(['done', [':method', 'GET', 'a', 'b']]);
  });

  it('is what is within the bytes', () => {
    expect(kept(BLOCK, 75, 2)).toEqual(['too_large', [':method', 'GET']]);
    expect(kept(BLOCK, 41, 2)).toEqual(['too_large', []]);
  });

  it('is what is within the number', () => {
    expect(kept(BLOCK, 100, 1)).toEqual(['too_large', [':method', 'GET']]);
  });

  it('is nothing behind the first that is too much', () => {
    expect(kept('00 01 61 0a 61616161616161616161 00 01 61 01 62', 40, 9)).toEqual(['too_large', []]);
  });

  it('is malformed all the same where what was not kept is', () => {
    expect(kept(`${BLOCK} 80`, 41, 2)[0]).toBe('malformed');
  });

  it('leaves the table as if all was kept', () => {
    const decoder = new HpackDecoder(4096);
    const bytes = Buffer.from('400161016240016301644001650166', 'hex');
    expect(decoder.decode(bytes, 0, bytes.length, [], 40, 1)).toBe('too_large');
    expect(remembered(decoder)).toEqual(['e: f', 'c: d', 'a: b']);
  });

  it('costs no memory where one entry is named again and again', () => {
    const decoder = new HpackDecoder(4096);
    decode(decoder, Buffer.concat([Buffer.of(0x40, 1, 0x61, 0x7f, 0x81, 0x1e), Buffer.alloc(4000, 'x')]));
    const fields: string[] = [];
    const bomb = Buffer.alloc(200_000, 0xbe);
    expect(decoder.decode(bomb, 0, bomb.length, fields, 65_536, 100)).toBe('too_large');
    expect(fields).toHaveLength(32);
    expect(new Set(fields).size).toBe(2);
  });
});
