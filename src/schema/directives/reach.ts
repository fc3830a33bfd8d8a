import { type DefinitionNode, type DocumentNode, visit } from 'graphql';

/** The name of the type that a definition or an extension is about; null for any other definition. */
export function typeNamed(definition: DefinitionNode): string | null {
  return /Type(Definition|Extension)$/.test(definition.kind) && 'name' in definition
    ? (definition.name?.value ?? null)
    : null;
}

/** From each type, and from each directive as `@name`, to the types that it leads to. */
export type Ways = ReadonlyMap<string, ReadonlySet<string>>;

/** All ways of a document: by fields, arguments, unions, and from an interface to what implements it. */
export function waysOf({ definitions }: DocumentNode): Ways {
  const ways = new Map<string, Set<string>>();
  const add = (one: string, other: string) => ways.set(one, (ways.get(one) ?? new Set<string>()).add(other));
  for (const definition of definitions) {
    const name = definition.kind === 'DirectiveDefinition' ? `@${definition.name.value}` : typeNamed(definition);
    if (name === null) continue;
    visit(definition, { NamedType: ({ name: of }) => void add(name, of.value) });
    if ('interfaces' in definition) for (const { name: of } of definition.interfaces ?? []) add(of.value, name);
  }
  return ways;
}

/** All that these ways lead to from here, and what is here. */
export function reach(ways: Ways, from: Iterable<string>): ReadonlySet<string> {
  const found = new Set<string>();
  const ahead = [...from];
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    ahead.push(...(ways.get(name) ?? []));
  }
  return found;
}
