/** Writes docs/reference/wire.md from what the proxy does. Usage: node test/conformance/write-reference.ts */
import { writeFileSync } from 'node:fs';
import { openPlainProxy } from '../helpers/open-proxy.ts';
import { ALL_CASES } from './catalogue.ts';
import { playCatalogue } from './play-catalogue.ts';
import { referencePage } from './reference-page.ts';

const plays = ALL_CASES.map((wireCase) => ({ wireCase, pieces: 'whole' as const }));
const verdicts = await playCatalogue(plays, { lanes: 16, openProxy: openPlainProxy });
const byId = new Map(verdicts.map((verdict, index) => [ALL_CASES[index]?.id ?? '', verdict]));
writeFileSync(new URL('../../docs/reference/wire.md', import.meta.url), referencePage(byId));
