const BYTES_PER_UNIT: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

const SIZE = /^(\d{1,12})(B|KiB|MiB|GiB)$/;

/** Bytes of "512B", "64KiB", "1MiB" or "2GiB"; `null` where the text is not a size. */
export function sizeBytesOrNull(text: string): number | null {
  const match = SIZE.exec(text);
  if (match === null) return null;
  const bytes = Number(match[1]) * (BYTES_PER_UNIT[match[2] ?? ''] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/** As `sizeBytesOrNull`, for text that has been validated already. */
export function parseSize(text: string): number {
  const bytes = sizeBytesOrNull(text);
  if (bytes === null) throw new RangeError(`not a size: ${JSON.stringify(text)}; write "512B", "64KiB" or "1MiB"`);
  return bytes;
}

/** The shortest text that `parseSize` reads back as the same number of bytes. */
export function formatSize(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB'] as const) {
    const unitBytes = BYTES_PER_UNIT[unit] ?? 1;
    if (bytes !== 0 && bytes % unitBytes === 0) return `${bytes / unitBytes}${unit}`;
  }
  return `${bytes}B`;
}
