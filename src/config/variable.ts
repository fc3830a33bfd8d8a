import type { Kind } from '../serve/settings/kinds.js';
import type { Settings, ValueOf } from '../serve/settings/setting.js';

/** Who reads the environment. `sample` is the producer behind `npm run sample`. */
export type Command = 'dev' | 'gateway' | 'relay' | 'send' | 'check' | 'explain' | 'token' | 'revoke' | 'sample';

/** One variable of the environment. */
export interface Variable<T = unknown, D extends string | null = string | null, C extends Command = Command> {
  readonly kind: Kind<T>;
  /** Written as an operator would write it; null means that nothing takes its place. */
  readonly default: D | ((command: Command) => D);
  readonly commands: readonly C[];
  /** A secret may also come from a file, by its name with `_FILE`, and is never printed. */
  readonly secret: boolean;
  /** The option of `createGateway` that says the same, as a path: `redis.url`. Null where code has no such thing. */
  readonly code: string | null;
  readonly about: string;
}

/** The commands that read a variable: those named, and `check`, which looks at every one. */
export const readBy = <const C extends Command>(...commands: readonly C[]): readonly (C | 'check')[] => [
  ...commands,
  'check',
];

export const declaredFor =
  <const C extends Command>(...commands: readonly C[]) =>
  <T, const D extends string | null>(
    kind: Kind<T>,
    byDefault: D | ((command: Command) => D),
    about: string,
    { secret = false, code = null }: Partial<Pick<Variable, 'secret' | 'code'>> = {},
  ): Variable<T, D, C | 'check'> => ({ kind, default: byDefault, commands: readBy(...commands), secret, code, about });

/** A default that is another one in `dev`. */
export const inDev =
  (dev: string, elsewhere: string) =>
  (command: Command): string =>
    command === 'dev' ? dev : elsewhere;

type FromSettings<S extends Settings> = {
  readonly [K in keyof S]: Variable<ValueOf<S[K]>, string, 'dev' | 'gateway' | 'check'>;
};

/** Settings of a gateway as variables, each under its own name: none can be left out. `code` says where code has them. */
export const fromSettings = <S extends Settings>(settings: S, code: (name: string) => string): FromSettings<S> =>
  Object.fromEntries(
    Object.entries(settings).map(([name, { kind, default: text, about }]) => [
      name,
      declaredFor('dev', 'gateway')(kind, text, about, { code: code(name) }),
    ]),
  ) as FromSettings<S>;

/** What takes the place of an unset variable, as text. */
export const defaultText = (variable: Variable, command: Command): string | null =>
  typeof variable.default === 'function' ? variable.default(command) : variable.default;
