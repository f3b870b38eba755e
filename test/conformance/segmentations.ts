import type { Pieces } from '../helpers/write-pieces.ts';

/** Every byte alone; borders at every other one, every third, every seventh; and anywhere. */
export const SEGMENTATIONS: readonly Pieces[] = [1, 2, 3, 7, { seed: 20_261_120 }];

export function segmentationName(pieces: Pieces): string {
  if (pieces === 'whole') return 'not at all';
  return typeof pieces === 'number' ? `every ${pieces} bytes` : `at random (seed ${pieces.seed})`;
}
