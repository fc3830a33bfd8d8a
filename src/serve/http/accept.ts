/**
 * The media types that an `Accept` header wishes for, as they stand there, in small letters and without their parameters. One with
 * `q=0` is none of them: it says "not that" (RFC 9110, section 12.4.2).
 */
export function acceptedTypes(header: string | undefined): readonly string[] {
  return wishes(header).map((wish) => (wish.split(';', 1)[0] ?? '').trim());
}

/** The header without the types that it refuses: a reader that does not know `q=0` would take them for wishes. Undefined when nothing is left. */
export function acceptOf(header: string | undefined): string | undefined {
  return wishes(header).join(',') || undefined;
}

const wishes = (header = ''): readonly string[] =>
  header
    .toLowerCase()
    .split(',')
    .filter((wish) => wish.trim() !== '' && !/;\s*q\s*=\s*0(\.0*)?\s*(;|$)/.test(wish));
