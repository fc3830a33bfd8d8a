import { z } from 'zod';
import { parseDuration } from '../../schema/duration.js';
import { originPattern } from '../identity/origin-pattern.js';
import { isNetwork } from '../port/networks.js';

/** How the text of one setting becomes a value. `label` completes the sentence "TAILRACE_X must be …". */
export interface Kind<T> {
  readonly label: string;
  readonly schema: z.ZodType<T, string>;
}

export const kind = <T>(label: string, schema: z.ZodType<T, string>): Kind<T> => ({ label, schema });

/** Beyond this a Node timer overflows and fires at once instead of never. */
const longestTimer = 2 ** 31 - 1;

/** Milliseconds; `0s` where `least` allows it. */
export const duration = (least = 0, most = longestTimer): Kind<number> =>
  kind(
    `a duration like 250ms, 30s, 10m or 1h${least > 0 ? `, at least ${least}ms` : ''}`,
    z
      .string()
      .transform((words) => (/^0+(ms|s|m|h)$/.test(words) ? 0 : parseDuration(words)))
      .pipe(z.number().min(least).max(most)),
  );

export const whole = (least: number, most: number): Kind<number> =>
  kind(
    `a whole number from ${least} to ${most}`,
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number)
      .pipe(z.number().min(least).max(most)),
  );

export const toggle: Kind<boolean> = kind(
  'on or off',
  z.enum(['on', 'off']).transform((word) => word === 'on'),
);

export const matching = (label: string, pattern: RegExp): Kind<string> => kind(label, z.string().regex(pattern));

/** Elements between commas, without the spaces around them. An unset list is empty. */
export const list = (label: string, element: z.ZodType<string, string> = z.string()): Kind<readonly string[]> =>
  kind(
    label,
    z
      .string()
      .transform((line) => line.split(',').map((part) => part.trim()))
      .transform((parts) => parts.filter((part) => part !== ''))
      .pipe(z.array(element)),
  );

const origin = z.string().refine((value) => originPattern(value) !== null);

/** What browsers send as `Origin`: scheme, host and port each, nothing after it; a star for all below a name, or for all ports. */
export const origins: Kind<readonly string[]> = list(
  'origins like https://app.example.com, https://*.example.com or capacitor://localhost, separated by commas',
  origin,
);

export const networks: Kind<readonly string[]> = list(
  'addresses or networks like 10.0.0.0/8 or fd00::/8, separated by commas',
  z.string().refine(isNetwork),
);
