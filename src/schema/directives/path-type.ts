import { describe, dyn, type Type } from '../cel/types.js';
import { printPath, type Steps } from '../path.js';

/**
 * One step further along a path: undefined where such a key is not known, null where a value of this type has neither keys
 * nor elements of this kind.
 */
export function stepInto(type: Type, step: string | number): Type | undefined | null {
  if (type.kind === 'dyn') return dyn;
  if (typeof step === 'number') return type.kind === 'list' ? (type.at?.(step) ?? type.of) : null;
  return type.kind === 'object' ? type.field(step) : type.kind === 'map' ? type.of : null;
}

/** Why a path does not go on at this step: what comes before it is of another kind. */
export function noWay(type: Type, path: Steps, at: number): string {
  const before = path.slice(0, at);
  const step = String(path[at]);
  const hint = type.kind === 'list' && /^\d+$/.test(step) ? `: write ${printPath([...before, Number(step)])}` : '';
  return `${at === 0 ? 'the event' : `\`${printPath(before)}\``} is ${describe(type)}${hint}`;
}
