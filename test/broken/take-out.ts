import { relative } from 'node:path';
import type { Plugin } from 'vitest/config';
import { breaks } from './breaks.js';

/** Loads the product's sources without one check. Throws where the check is not found: then it has moved, or gone. */
export function takeOut(name: string, root: string): Plugin {
  const edits = breaks[name]?.edits;
  if (!edits) throw new RangeError(`no break is called ${name}; there are ${Object.keys(breaks).join(', ')}`);
  return {
    name: `without the check: ${name}`,
    enforce: 'pre',
    transform(code, id) {
      const file = relative(root, id);
      let changed = code;
      for (const { from, to } of edits.filter((edit) => edit.file === file)) {
        if (changed.split(from).length !== 2) throw new Error(`${file} does not have this once: ${from}`);
        changed = changed.replace(from, () => to);
      }
      return changed === code ? null : changed;
    },
  };
}
