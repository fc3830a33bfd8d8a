import { usualScopeClaims } from '../../schema/claims.js';
import { list } from '../../serve/settings/kinds.js';
import { claim, issuers, text, url } from '../kinds.js';
import { declaredFor } from '../variable.js';

const serving = declaredFor('dev', 'gateway');
const judging = declaredFor('dev', 'gateway', 'explain');
const signing = declaredFor('dev', 'gateway', 'token');

/** Whose tokens count, and what signs cursors. */
export const ofIdentity = {
  authJwtSecret: signing(
    list('secrets separated by commas'),
    '',
    'Secrets of the tokens (HS256): the first signs, all verify.',
    { secret: true, code: 'auth.secrets' },
  ),
  authJwksUrl: serving(url, null, 'Where the public keys of the tokens are (JWKS), instead of a secret.', {
    code: 'auth.jwksUrl',
  }),
  authJwksCa: serving(
    text,
    null,
    'The authority that signed the certificate of an `https` address of keys (PEM), where nobody else knows it.',
    { secret: true, code: 'auth.jwksCa' },
  ),
  authIssuer: signing(text, null, 'The `iss` that every token must have.', { code: 'auth.issuer' }),
  authAudience: signing(text, null, 'The `aud` that every token must have.', { code: 'auth.audience' }),
  authIssuers: serving(
    issuers,
    '[]',
    'More issuers beside those four: a JSON list of `{"issuer": …, "audience": …}`, each with `"jwksUrl"` or `"secrets"`.',
    { secret: true, code: 'auth.issuers' },
  ),
  authScopeClaims: judging(
    list('claims by name or dotted path, separated by commas', claim),
    usualScopeClaims.join(),
    'The claims that say a viewer’s scopes, as words or as a list; all of them count.',
    { code: 'auth.scopeClaims' },
  ),
  cursorSecret: serving(
    list('secrets separated by commas'),
    '',
    'Secrets of the cursors: the first signs, all verify. All gateways need the same; `dev` makes its own.',
    { secret: true, code: 'cursorSecrets' },
  ),
};
