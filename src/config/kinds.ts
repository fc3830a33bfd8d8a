import { z } from 'zod';
import { isClaimName } from '../schema/claims.js';
import { type Kind, kind } from '../serve/settings/kinds.js';

/** One of the words, in any case. */
export const oneOf = <const W extends string>(...words: readonly W[]): Kind<W> =>
  kind(`one of ${words.join(', ')}`, z.string().toLowerCase().pipe(z.enum(words)));

export const text: Kind<string> = kind('text', z.string());

/** An address without a name or password: what is told of one would tell those too, and `fetch` takes none. */
const address = z
  .url({ protocol: /^https?$/ })
  .refine((text) => URL.canParse(text) && !new URL(text).username && !new URL(text).password);

export const url: Kind<string> = kind('an http or https address without a name or password in it', address);

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

/** Issuers, each name once: whose token one is must never be a guess. */
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

export const broker = z.string().regex(/^(\[[0-9a-f:]+\]|[^\s:/,]+):\d{1,5}$/i);
