import { type AddressBlock, parseBlock } from '../../base/ip-address.ts';

/** Blocks of one file: a table of so many is made in well under a second. */
export const BLOCKS_MAX = 200_000;

export interface BlockLine {
  readonly block: AddressBlock;
  /** What stands behind the block; "": nothing. */
  readonly rest: string;
  /** Its line in the file, from 1. */
  readonly line: number;
}

/** The lines of a file that hold something: a block, and what is behind it. "#" begins a comment. */
export function blockLines(text: string): readonly BlockLine[] | { readonly problem: string } {
  const found: BlockLine[] = [];
  const lines = text.split('\n');
  for (const [index, whole] of lines.entries()) {
    const content = whole.replace(/#.*/s, '').trim();
    if (content === '') continue;
    const [written = '', ...rest] = content.split(/\s+/);
    const block = parseBlock(written);
    if (block === null) {
      return {
        problem: `has no CIDR block or address in line ${index + 1}, but ${JSON.stringify(content.slice(0, 80))}`,
      };
    }
    if (found.length === BLOCKS_MAX) return { problem: `has more than ${BLOCKS_MAX} blocks` };
    found.push({ block, rest: rest.join(' '), line: index + 1 });
  }
  return found;
}

/** Of texts that have passed validation. */
export function blocksOf(cidrs: readonly string[]): AddressBlock[] {
  return cidrs.flatMap((text) => parseBlock(text) ?? []);
}
