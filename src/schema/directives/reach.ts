import { type DefinitionNode, type DocumentNode, visit } from 'graphql';

/** The name of the type that a definition or an extension is about; null for any other definition. */
export function typeNamed(definition: DefinitionNode): string | null {
  return /Type(Definition|Extension)$/.test(definition.kind) && 'name' in definition
    ? (definition.name?.value ?? null)
    : null;
}

/** The names of all types to which these lead: by fields, arguments, unions, and from an interface to what implements it. */
export function reach({ definitions }: DocumentNode, from: Iterable<string>): ReadonlySet<string> {
  const ways = new Map<string, Set<string>>();
  const add = (one: string, other: string) => ways.set(one, (ways.get(one) ?? new Set<string>()).add(other));
  for (const definition of definitions) {
    const name = typeNamed(definition);
    if (name === null) continue;
    for (const other of namesIn(definition)) add(name, other);
    if ('interfaces' in definition) for (const { name: of } of definition.interfaces ?? []) add(of.value, name);
  }
  const found = new Set<string>();
  const ahead = [...from];
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    ahead.push(...(ways.get(name) ?? []));
  }
  return found;
}

/** The types that a definition names. */
export function namesIn(definition: DefinitionNode): ReadonlySet<string> {
  const names = new Set<string>();
  visit(definition, { NamedType: ({ name }) => void names.add(name.value) });
  return names;
}
