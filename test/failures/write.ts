import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { failurePage } from './page.ts';

/** Writes docs/failure-matrix.md from the catalogue; a unit test tells when that is due. */
writeFileSync(join(import.meta.dirname, '../../docs/failure-matrix.md'), failurePage());
