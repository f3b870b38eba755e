/** Writes docs/reference/strictness.md. Usage: node test/fuzz/write-strictness.ts */
import { writeFileSync } from 'node:fs';
import { strictnessPage } from './strictness-page.ts';

writeFileSync(new URL('../../docs/reference/strictness.md', import.meta.url), strictnessPage());
