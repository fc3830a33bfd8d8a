import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  Kind,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

export type Fragments = ReadonlyMap<string, FragmentDefinitionNode>;

const known = new WeakMap<DocumentNode, Fragments>();

/** A document's fragments by their names; of two with one name, which is no valid document, the last. */
export function fragmentsOf(document: DocumentNode): Fragments {
  let found = known.get(document);
  if (!found) {
    const fragments = document.definitions.filter((node) => node.kind === Kind.FRAGMENT_DEFINITION);
    found = new Map(fragments.map((node) => [node.name.value, node]));
    known.set(document, found);
  }
  return found;
}

/** A fragment in the midst of a selection: an inline one, or the definition of one that is spread. */
export interface Part {
  /** Null of an inline one. */
  readonly name: string | null;
  /** The type that it is for; undefined where it says none. */
  readonly condition: string | undefined;
}

export interface Visitor<Place> {
  /** A field, in the document's order. Whoever wants what is selected of it walks on (`walk`). */
  field(node: FieldNode, place: Place): void;
  /**
   * The place at which the fields of a fragment stand; null leaves them out. A fragment that spreads another one twice, and
   * so on, is little text and never ends: whoever walks must bound it, or enter each name once.
   */
  enter(part: Part, place: Place): Place | null;
  /** False leaves out a selection, before it is a field or a fragment. Default: all are looked at. */
  includes?(node: SelectionNode): boolean;
}

/** The fields of a selection, through its fragments. A spread of one that is not there, which is no valid document, is passed over. */
export function walk<Place>(
  { selections }: SelectionSetNode,
  fragments: Fragments,
  place: Place,
  visitor: Visitor<Place>,
): void {
  for (const node of selections) {
    if (visitor.includes?.(node) === false) continue;
    if (node.kind === Kind.FIELD) {
      visitor.field(node, place);
      continue;
    }
    const name = node.kind === Kind.FRAGMENT_SPREAD ? node.name.value : null;
    const part = node.kind === Kind.FRAGMENT_SPREAD ? fragments.get(node.name.value) : node;
    if (!part) continue;
    const inside = visitor.enter({ name, condition: part.typeCondition?.name.value }, place);
    if (inside !== null) walk(part.selectionSet, fragments, inside, visitor);
  }
}
