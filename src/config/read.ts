import { readFileSync } from 'node:fs';
import { nearest } from './nearest.js';
import { rules } from './rules.js';
import { withoutServiceLinks } from './service-links.js';
import { type Command, defaultText, type Variable } from './variable.js';
import { type Config, type Environment, type Given, type Key, variableName, variables } from './variables.js';

/**
 * Reads the variables of one command. An empty variable counts as unset. Variables of other commands are not looked
 * at, so that all processes can share one file of settings; a name nobody knows is a fault in each, unless Kubernetes has
 * put it there.
 * All faults are told at once, a sentence each; no sentence holds a secret.
 */
export function readConfig<C extends Command>(
  environment: Environment,
  command: C,
  readFile: (path: string) => string = (path) => readFileSync(path, 'utf8'),
): { readonly config: Config<C> } | { readonly faults: readonly string[] } {
  const env = withoutServiceLinks(environment);
  const faults = unknownNames(env);
  const values: Record<string, unknown> = {};
  for (const [key, variable] of Object.entries(variables) as [Key, Variable][]) {
    if (!variable.commands.includes(command)) continue;
    const name = variableName(key);
    const given = read(env, name, variable, readFile);
    if (given.fault !== null) {
      faults.push(given.fault);
      continue;
    }
    const words = given.text ?? defaultText(variable, command);
    if (words === null) {
      values[key] = null;
      continue;
    }
    const parsed = variable.kind.schema.safeParse(words);
    if (parsed.success) values[key] = parsed.data;
    else faults.push(`${name} must be ${variable.kind.label}${variable.secret ? '' : `, not ${shown(words)}`}.`);
  }
  for (const rule of rules) {
    const fault = rule(values as Given, command);
    if (fault !== null) faults.push(fault);
  }
  // `values` has one of the declared kind for each key of this command, or the loop above put in a fault.
  return faults.length > 0 ? { faults } : { config: values as Config<C> };
}

/** A text as it is told: a password in an address would stand in a log. */
const shown = (words: string) => JSON.stringify(words.replace(/\/\/.*@/, '//…@'));

type Reading = { readonly text: string | null; readonly fault: string | null };

function read(env: Environment, name: string, variable: Variable, readFile: (path: string) => string): Reading {
  const here = env[name] || null;
  const path = (variable.secret && env[`${name}_FILE`]) || null;
  if (path === null) return { text: here, fault: null };
  if (here !== null) return { text: null, fault: `${name} and ${name}_FILE are both set: keep one.` };
  try {
    // Editors and `echo` end a file with newlines, and some begin it with a mark of its encoding: no part of the secret,
    // and nobody could see why it is refused.
    const text = readFile(path).replace(/^\uFEFF|[\r\n]+$/g, '');
    // An empty file would otherwise read as "no secret wanted" and open what it should close.
    return text.trim() === '' ? { text: null, fault: `${name}_FILE names an empty file.` } : { text, fault: null };
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    return { text: null, fault: `${name}_FILE names ${JSON.stringify(path)}, which cannot be read${why}.` };
  }
}

/** Sentences for names that nobody reads. TAILRACE_TEST_* belong to the tests of Tailrace itself. */
function unknownNames(env: Environment): string[] {
  const known = (Object.entries(variables) as [Key, Variable][]).flatMap(([key, variable]) =>
    variable.secret ? [variableName(key), `${variableName(key)}_FILE`] : [variableName(key)],
  );
  return Object.keys(env)
    .filter((name) => name.startsWith('TAILRACE_') && !name.startsWith('TAILRACE_TEST_') && !known.includes(name))
    .sort()
    .map((name) => {
      const near = nearest(name, known);
      return `${name} is not a variable of Tailrace${near === null ? '.' : `: did you mean ${near}?`}`;
    });
}
