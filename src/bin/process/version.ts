import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** What package.json says: the same seen from `src/bin` and from `dist/bin`. */
export const version: string = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))).version;
