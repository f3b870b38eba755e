import { tableOf } from '../../base/address-table.ts';
import type { AddressSetConfig } from '../../schema/lookups.ts';
import type { AddressSetSpec } from '../../snapshot/lookup-spec.ts';
import { blockLines, blocksOf } from './block-lines.ts';

/** `text` is what its file holds. */
export function addressSetOf(
  name: string,
  { cidrs }: AddressSetConfig,
  text: string,
): AddressSetSpec | { readonly problem: string } {
  const lines = blockLines(text);
  if ('problem' in lines) return lines;
  const strange = lines.find(({ rest }) => rest !== '');
  if (strange !== undefined) {
    return { problem: `has ${JSON.stringify(strange.rest.slice(0, 80))} behind the block in line ${strange.line}` };
  }
  const blocks = [...blocksOf(cidrs), ...lines.map(({ block }) => block)];
  return { kind: 'address-set', name, table: tableOf(blocks.map((block) => ({ block, value: 0 }))) };
}
