import { type DocumentNode, print } from 'graphql';

/**
 * A subscription: its text, what `gql` makes of it, or what graphql-codegen makes, as `TypedDocumentNode` or as
 * `TypedDocumentString`. The last two know the types of what they give and take.
 */
export type Document<Data, Variables> =
  | string
  | {
      readonly kind?: 'Document' | DocumentNode['kind'];
      toString(): string;
      __apiType?: (variables: Variables) => Data;
    };

/** What one event of a subscription is: the value of its only field. */
export type EventOf<Data> = Data extends object ? NonNullable<Data[Exclude<keyof Data, NotAField>]> : Data;
type NotAField = '__typename' | ' $fragmentRefs' | ' $fragmentName';

const texts = new WeakMap<object, string>();

/** A document as it is sent. */
export function textOf(document: Document<never, never> | Document<unknown, never>): string {
  if (typeof document === 'string') return document;
  const known = texts.get(document);
  if (known !== undefined) return known;
  const text = 'kind' in document ? print(document as DocumentNode) : document.toString();
  texts.set(document, text);
  return text;
}
