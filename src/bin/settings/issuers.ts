import type { Config } from '../../config/variables.js';
import type { TokenSettings } from '../../serve/identity/authenticate.js';

type Variables = Pick<
  Config<'gateway'>,
  'authJwtSecret' | 'authJwksUrl' | 'authIssuer' | 'authAudience' | 'authIssuers' | 'authJwksCa' | 'tokenLeeway'
>;

/** Everyone whose tokens count, as the environment says. */
export function issuersOf(config: Variables): readonly TokenSettings[] {
  const { authJwtSecret: secrets, authJwksUrl: jwksUrl, authIssuer: issuer, authAudience: audience } = config;
  const isSet = secrets.length > 0 || jwksUrl !== null;
  const all = [...(isSet ? [{ secrets, jwksUrl, issuer, audience }] : []), ...config.authIssuers];
  return all.map((one) => ({ ...one, jwksCa: config.authJwksCa, leeway: config.tokenLeeway }));
}
