import type { Kind } from './kinds.js';

/**
 * One setting of a gateway, declared once: code takes its value, the command reads it from the environment, and the docs
 * show it. `default` is written as an operator would write it; a duration is a number of milliseconds in code.
 */
export interface Setting<T = unknown> {
  readonly kind: Kind<T>;
  readonly default: string;
  readonly about: string;
}

export const setting = <T>(kind: Kind<T>, byDefault: string, about: string): Setting<T> => ({
  kind,
  default: byDefault,
  about,
});

/** By the name under which code gives it. */
export type Settings = Readonly<Record<string, Setting>>;
export type ValueOf<S> = S extends Setting<infer T> ? T : never;
export type ValuesOf<S extends Settings> = { readonly [K in keyof S]: ValueOf<S[K]> };

/** The value of each setting: what is given, else its default. What is given beside them is left out. */
export function settingsFrom<S extends Settings>(settings: S, given: Partial<ValuesOf<S>> = {}): ValuesOf<S> {
  const values = Object.entries(settings).map(([name, { kind, default: text }]) => [
    name,
    given[name] ?? kind.schema.parse(text),
  ]);
  return Object.fromEntries(values) as ValuesOf<S>;
}
