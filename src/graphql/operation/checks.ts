import { type GraphQLSchema, getVariableValues, type OperationDefinitionNode } from 'graphql';
import { limitExceeded } from '../../event/faults.js';
import type { StreamSchema } from '../../schema/stream-schema.js';
import { exactVariables } from '../../schema/whole-numbers.js';
import type { Viewer } from '../viewer.js';
import { refuse, type SelectedField } from './access.js';
import { isTooDeep, type OperationBounds } from './bounds.js';
import type { Documents } from './documents.js';
import { coded, type Document, operationOf } from './operation.js';
import type { Named } from './persisted.js';
import { Refused } from './refused.js';

type Json = Readonly<Record<string, unknown>>;

/** An operation as a client words it. */
export interface Worded extends Named {
  readonly operationName?: string | null | undefined;
  readonly variables?: Json | null | undefined;
  readonly extensions?: Json | null | undefined;
}

/** The operation of a valid document that a client means. */
export interface Found {
  readonly document: Document;
  readonly operation: OperationDefinitionNode;
  /** The client's own JSON, to the last digit of its whole numbers; null where it nests too deep to be gone through. */
  readonly variables: Json | null;
}

/** An operation that its viewer may begin. */
export interface Checked extends Found {
  readonly variables: Json;
  /** What the types of its variables make of them. */
  readonly coerced: Record<string, unknown>;
  readonly fields: readonly SelectedField[];
}

export interface ChecksParts {
  /** The author's types, with resolvers. */
  readonly schema: GraphQLSchema;
  readonly streams: StreamSchema;
  readonly documents: Documents;
  readonly introspection: boolean;
  readonly bounds: Pick<OperationBounds, 'jsonDepth'>;
}

/** What is asked of an operation before it begins, the same on every transport and in this order: `find`, then `check`. */
export class Checks {
  constructor(private readonly parts: ChecksParts) {}

  /** Throws Fault where the request names no document, and Refused or a GraphQLError where there is no such operation. */
  find(worded: Worded): Found {
    const { schema, bounds } = this.parts;
    const { document, operation } = this.meant(worded);
    const given = worded.variables ?? {};
    const variables = isTooDeep(given, bounds.jsonDepth) ? null : exactVariables(schema, operation, given);
    return { document, operation, variables };
  }

  /** As `find`, for whoever needs no variables. */
  meant(worded: Worded): Omit<Found, 'variables'> {
    const document = this.parts.documents.of(worded);
    return { document, operation: operationOf(document.ast, worded.operationName) };
  }

  /**
   * Throws Fault or Refused when its values are no values of its variables, or the viewer may not ask for its fields, and a
   * GraphQLError when it selects too much to look at.
   */
  check(found: Found, { extensions }: Worded, viewer: Viewer): Checked {
    const { schema, bounds, introspection } = this.parts;
    const { document, operation, variables } = found;
    const { jsonDepth: most } = bounds;
    if (variables === null || isTooDeep(extensions, most)) throw limitExceeded('jsonDepth', most, most + 1);
    const fields = document.fields(operation);
    this.admit(fields, viewer);
    const { coerced, errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, {
      hideSuggestions: !introspection,
    });
    if (errors) throw new Refused(errors.map((error) => coded(error, 'BAD_USER_INPUT')));
    return { document, operation, variables, coerced, fields };
  }

  /** Throws Fault when this viewer may not ask for these fields: at the beginning, and when a token is renewed. */
  admit(fields: readonly SelectedField[], viewer: Viewer): void {
    const refused = refuse(this.parts.streams, fields, viewer);
    if (refused) throw refused;
  }
}
