/** `npm run docs`: writes the pages of docs/reference/ that are made from what they describe. */
import { writeFile } from 'node:fs/promises';

import { accessReference } from './access-reference.ts';
import { cliReference } from './cli-reference.ts';
import { configReference } from './config-reference.ts';

const PAGES: Readonly<Record<string, () => string | Promise<string>>> = {
  'config.md': configReference,
  'cli.md': cliReference,
  'access.md': accessReference,
};

for (const [name, page] of Object.entries(PAGES)) {
  await writeFile(new URL(`reference/${name}`, import.meta.url), await page());
  console.log(`docs/reference/${name}`);
}
