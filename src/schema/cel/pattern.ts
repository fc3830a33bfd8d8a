/** A longer text is not matched but an error: with it, the slowest pattern allowed ends after some milliseconds. */
export const maxMatchedLength = 256;

const maxRepeats = 3;

/**
 * A pattern of RE2's common core as a JavaScript one. JavaScript backtracks, RE2 does not; a user who chooses the
 * text could stop the process with a pattern like `(a+)+$`. So a repeated group holds no repeat and no alternative,
 * and a pattern has at most three repeats (an open start counts as one).
 */
export function compilePattern(
  pattern: string,
): { readonly expression: RegExp; readonly why: null } | { readonly expression: null; readonly why: string } {
  const refuse = (why: string) => ({ expression: null, why }) as const;
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, 'u');
  } catch {
    return refuse(`${JSON.stringify(pattern)} is no pattern`);
  }
  // What is in a class or escaped is one character like any other.
  const plain = pattern.replace(/\\[pP]\{[^}]*\}|\\[^1-9k]|\[(\\.|[^\]\\])*\]/g, 'x');
  if (/\\|\(\?(?!:)/.test(plain))
    return refuse('a pattern has no back reference, no look-around and no named group here');
  const repeated = /\([^()]*[*+?|{][^()]*\)[*+?{]|\([^)]*\([\s\S]*\)[*+?{]/;
  if (repeated.test(plain.replaceAll('(?:', '(')))
    return refuse(
      'a repeated group of a pattern holds no repeat, no alternative and no group, or it may take for ever',
    );
  const repeats =
    (plain.replaceAll('(?:', '(').match(/[*+?]\??|\{\d+,\d*\}/g) ?? []).length + (plain.startsWith('^') ? 0 : 1);
  if (repeats > maxRepeats)
    return refuse(`a pattern has at most ${maxRepeats} repeats here (one less without ^): it could take too long`);
  return { expression, why: null };
}
