import { writeJson } from '../event/write-json.js';
import type { Claims } from '../schema/stream-schema.js';

/** Who asks. `claims` is empty without a token. */
export interface Viewer {
  readonly signedIn: boolean;
  readonly claims: Claims;
  /** Milliseconds since 1970 when the token ends; null when it does not, or when there is none. */
  readonly expiresAt: number | null;
}

export const nobody: Viewer = { signedIn: false, claims: Object.freeze({}), expiresAt: null };

/** Who this is, whichever of their tokens they show; null when nobody can say. */
export function personOf({ claims }: Viewer): string | null {
  const { iss = null, sub = null } = claims;
  // Those whom an issuer names by a null are as many as those it does not name.
  return sub === null ? null : writeJson([iss, sub]);
}

/** What names one token, and not its holder's rights. */
const ofTheToken = new Set(['exp', 'iat', 'nbf', 'jti']);

/** True when the two differ at most in when and under which number they were signed in. */
export function sameRights(one: Viewer, other: Viewer): boolean {
  const rights = ({ signedIn, claims }: Viewer) =>
    writeJson([
      signedIn,
      Object.entries(claims)
        .filter(([name]) => !ofTheToken.has(name))
        .sort(byName),
    ]);
  return rights(one) === rights(other);
}

const byName = ([one]: readonly [string, unknown], [other]: readonly [string, unknown]) => (one < other ? -1 : 1);

/** The named claims only; a name that is missing stays missing. `*` stands for all of them. */
export function pickClaims(claims: Claims, names: readonly string[]): Claims {
  if (names.includes('*')) return claims;
  return Object.fromEntries(names.filter((name) => Object.hasOwn(claims, name)).map((name) => [name, claims[name]]));
}
