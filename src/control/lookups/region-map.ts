import { type AddressEntry, tableOf } from '../../base/address-table.ts';
import type { RegionMapConfig } from '../../schema/lookups.ts';
import type { RegionMapSpec } from '../../snapshot/lookup-spec.ts';
import { blockLines, blocksOf } from './block-lines.ts';

/** Longest label, in characters. */
const LABEL_CHARS_MAX = 63;

/** `text` is what its file holds. */
export function regionMapOf(
  name: string,
  { header = '', ranges }: RegionMapConfig,
  text: string,
): RegionMapSpec | { readonly problem: string } {
  const numbers = new Map<string, number>();
  const numberOf = (label: string): number => {
    const known = numbers.get(label) ?? numbers.size;
    numbers.set(label, known);
    return known;
  };
  const entries: AddressEntry[] = Object.entries(ranges).flatMap(([label, cidrs]) =>
    blocksOf(cidrs).map((block) => ({ block, value: numberOf(label) })),
  );
  const lines = blockLines(text);
  if ('problem' in lines) return lines;
  for (const { block, rest, line } of lines) {
    if (rest === '' || rest.length > LABEL_CHARS_MAX) {
      const what = rest === '' ? 'no label' : `a label of more than ${LABEL_CHARS_MAX} characters`;
      return { problem: `has ${what} behind the block in line ${line}` };
    }
    entries.push({ block, value: numberOf(rest) });
  }
  return { kind: 'region-map', name, header, labels: [...numbers.keys()], table: tableOf(entries) };
}
