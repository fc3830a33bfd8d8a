import { ofGateway } from './declared/gateway.js';
import { ofIdentity } from './declared/identity.js';
import { ofKafka } from './declared/kafka.js';
import { ofLog } from './declared/log.js';
import { ofProcess } from './declared/process.js';
import { type Command, defaultText, type Variable } from './variable.js';

/**
 * Every variable Tailrace reads, once: names (`kafkaGroupId` is TAILRACE_KAFKA_GROUP_ID), types, defaults, the
 * commands that read it, where code has it, and the table in docs/configuration.md all come from here.
 */
export const variables = { ...ofProcess, ...ofIdentity, ...ofKafka, ...ofLog, ...ofGateway };

type Variables = typeof variables;
export type Key = keyof Variables;
type Value<V> = V extends Variable<infer T, infer D, Command> ? (null extends D ? T | null : T) : never;
type CommandsOf<V> = V extends Variable<unknown, string | null, infer C> ? C : never;

/** What a command gets: every variable it reads, parsed. Durations are milliseconds; null and `[]` mean unset. */
export type Config<C extends Command> = {
  readonly [K in Key as [C] extends [CommandsOf<Variables[K]>] ? K : never]: Value<Variables[K]>;
};

/** Values that could be parsed, whatever the command: what a rule over several variables looks at. */
export type Given = { readonly [K in Key]?: Value<Variables[K]> };

/** `subscriptionsPerSocket` is read from TAILRACE_SUBSCRIPTIONS_PER_SOCKET. */
export const variableName = (key: Key): string =>
  `TAILRACE_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

export type Environment = Readonly<Record<string, string | undefined>>;

/** The file that a secret is read from; null when it stands in the environment itself. */
export const fileOf = (env: Environment, key: Key): string | null => env[`${variableName(key)}_FILE`] || null;

/** What `tailrace gateway` has where the variable is unset; null for nothing. */
export function defaultOf<K extends Key>(key: K): Value<Variables[K]> {
  const variable: Variable = variables[key];
  const text = defaultText(variable, 'gateway');
  return (text === null ? null : variable.kind.schema.parse(text)) as Value<Variables[K]>;
}
