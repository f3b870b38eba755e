import { PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX } from '../../schema/api.ts';

/** As `PageQuerySchema` has validated it. */
export interface PageQuery {
  readonly limit?: string;
}

/** How many items of a list to answer with. */
export function limitOf({ limit }: PageQuery): number {
  return limit === undefined ? PAGE_ITEMS_DEFAULT : Math.min(Number(limit), PAGE_ITEMS_MAX);
}
