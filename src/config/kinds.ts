import { z } from 'zod';
import { isClaimName } from '../schema/claims.js';
import { parseDuration } from '../schema/duration.js';
import { normalOrigin } from '../serve/identity/origins.js';

/** How the text of one variable becomes a value. `label` completes the sentence "TAILRACE_X must be …". */
export interface Kind<T> {
  readonly label: string;
  readonly schema: z.ZodType<T, string>;
}

const kind = <T>(label: string, schema: z.ZodType<T, string>): Kind<T> => ({ label, schema });

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

/** One of the words, in any case. */
export const oneOf = <const W extends string>(...words: readonly W[]): Kind<W> =>
  kind(`one of ${words.join(', ')}`, z.string().toLowerCase().pipe(z.enum(words)));

export const text: Kind<string> = kind('text', z.string());

export const matching = (label: string, pattern: RegExp): Kind<string> => kind(label, z.string().regex(pattern));

/** What is told of an address would tell a password in it too, and `fetch` takes none. */
const address = z
  .url({ protocol: /^https?$/ })
  .refine((text) => URL.canParse(text) && !new URL(text).username && !new URL(text).password);

export const url: Kind<string> = kind('an http or https address without a name or password in it', address);

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

export const claim = z.string().refine(isClaimName);

const named = { issuer: z.string().min(1), audience: z.string().min(1).nullable().default(null) };
const issuer = z.union([
  z.strictObject({ ...named, secrets: z.array(z.string().min(1)).min(1), jwksUrl: z.null().default(null) }),
  z.strictObject({ ...named, jwksUrl: address, secrets: z.array(z.never()).default([]) }),
]);

export interface Issuer {
  readonly issuer: string;
  readonly audience: string | null;
  readonly secrets: readonly string[];
  readonly jwksUrl: string | null;
}

/** Each name once: whose token one is must never be a guess. */
export const issuers: Kind<readonly Issuer[]> = kind(
  'a JSON list of {"issuer": …, "audience": …} with "jwksUrl" or "secrets" each, and no issuer twice',
  z
    .string()
    .transform((words, context): unknown => {
      try {
        return JSON.parse(words);
      } catch {
        context.addIssue('no JSON');
        return z.NEVER;
      }
    })
    .pipe(z.array(issuer))
    .refine((list) => new Set(list.map((one) => one.issuer)).size === list.length),
);

/** What a browser sends as `Origin`: scheme, host and port, nothing after it. */
export const origin = z.string().refine((value) => normalOrigin(value) !== null);

export const broker = z.string().regex(/^(\[[0-9a-f:]+\]|[^\s:/,]+):\d{1,5}$/i);
