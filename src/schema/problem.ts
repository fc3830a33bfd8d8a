import { getLocation, type Source, type StringValueNode } from 'graphql';

/** Something the author of a schema should know, with its place. A fault refuses the schema; a warning does not. */
export interface Problem {
  readonly severity: 'fault' | 'warning';
  readonly file: string;
  /** Both count from 1. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Collects problems. `position` is an offset into the schema's text. */
export interface Report {
  fault(position: number, message: string): void;
  warn(position: number, message: string): void;
  /** In the order of their places, each once. */
  problems(): Problem[];
}

export function report(source: Source): Report {
  const found = new Map<string, Problem>();
  const add = (severity: Problem['severity']) => (position: number, message: string) => {
    const { line, column } = getLocation(source, position);
    found.set(`${line}:${column}:${message}`, { severity, file: source.name, line, column, message });
  };
  return {
    fault: add('fault'),
    warn: add('warning'),
    problems: () => [...found.values()].sort((a, b) => a.line - b.line || a.column - b.column),
  };
}

/** Says problems about places inside one string literal of the schema, by offsets into the string's value. */
export interface Say {
  fault(offset: number, message: string): void;
  warn(offset: number, message: string): void;
}

export function sayIn(literal: StringValueNode, to: Report): Say {
  const place = (offset: number) => positionIn(literal, offset);
  return {
    fault: (offset, message) => to.fault(place(offset), message),
    warn: (offset, message) => to.warn(place(offset), message),
  };
}

/**
 * Where a character of a string's value stands in the schema's text. Counting from the opening quote alone would
 * be wrong after every escape, and in every block string, whose indentation is not part of its value.
 */
export function positionIn(literal: StringValueNode, offset: number): number {
  if (literal.loc === undefined) return 0;
  const { start, end, source } = literal.loc;
  return literal.block === true
    ? start + 3 + inBlock(source.body.slice(start + 3, end - 3), offset)
    : start + 1 + inQuotes(source.body.slice(start + 1, end - 1), offset);
}

function inQuotes(raw: string, offset: number): number {
  let at = 0;
  for (let left = offset; left > 0 && at < raw.length; left--) {
    if (raw[at] !== '\\') at += 1;
    else if (raw[at + 1] !== 'u') at += 2;
    else if (raw[at + 2] !== '{') at += 6;
    else {
      // An escape beyond the basic plane is two characters of the value.
      const close = raw.indexOf('}', at);
      if (Number.parseInt(raw.slice(at + 3, close), 16) > 0xffff) left--;
      at = close + 1;
    }
  }
  return at;
}

/** Undoes the removal of blank first lines and of the common indentation; an escaped `\"""` is off by one. */
function inBlock(raw: string, offset: number): number {
  const lines = raw.split(/\r\n|[\n\r]/);
  const indentOf = (line: string) => line.length - line.replace(/^[ \t]+/, '').length;
  const blank = (line: string) => indentOf(line) === line.length;
  const common = Math.min(
    ...lines
      .slice(1)
      .filter((line) => !blank(line))
      .map(indentOf),
  );
  let at = 0;
  let left = offset;
  let leading = true;
  for (const [index, line] of lines.entries()) {
    const removed = index === 0 || !Number.isFinite(common) ? 0 : Math.min(common, line.length);
    const kept = line.length - removed;
    leading &&= blank(line);
    if (!leading) {
      if (left <= kept) return at + removed + left;
      left -= kept + 1;
    }
    at += line.length + (raw.startsWith('\r\n', at + line.length) ? 2 : 1);
  }
  return raw.length;
}
