import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLSchema,
} from 'graphql';
import { Fault, internalFault } from '../../event/faults.js';
import type { SourceEvent } from '../../event/source-event.js';
import { writeForClients } from '../../event/write-json.js';
import type { Rendered } from '../../hub/frame.js';
import type { Logger } from '../../observe/logger.js';
import type { Observers } from '../../observe/observers.js';
import { readMember } from '../../schema/member.js';
import type { Context } from '../executable.js';
import { type Project, projectionOf } from './project.js';

export interface Projection {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly field: string;
  readonly context: Context;
}

/**
 * Executes an operation over one event and encodes the result. Never throws or rejects. A resolver's own failure is told as INTERNAL_SERVER_ERROR with an id that is in
 * the log; what graphql-js says of a value that does not fit its type is told as it is. An operation of plain fields is
 * compiled at its first event, and executed only over events that do not fit.
 */
export function renderer(
  { schema, document, operationName, variables, field, context }: Projection,
  { metrics, logger }: Pick<Observers, 'metrics' | 'logger'>,
): (source: SourceEvent) => Rendered | Promise<Rendered> {
  const encode = (result: ExecutionResult) => {
    if (result.errors) metrics.inError(field);
    return encoded(result, logger);
  };
  const failed = (error: unknown) => encode({ errors: [toGraphQLError(internal(error, logger))], data: null });
  // At the first event: most renderers are made for someone who finds the group already there.
  let project: Project | null | undefined;
  return ({ event }) => {
    try {
      const rootValue = { [field]: event };
      if (project === undefined) project = projectionOf(schema, document, operationName, variables);
      const projected = project?.(rootValue);
      if (projected) return projected;
      const result = execute({
        schema,
        document,
        operationName,
        variableValues: variables,
        contextValue: context,
        rootValue,
        fieldResolver: readMember,
      });
      return 'then' in result ? result.then(encode).catch(failed) : encode(result);
    } catch (error) {
      return failed(error);
    }
  };
}

/** The result of a subscription, which has one field, in the parts that frames carry. Throws for what is no JSON. */
export function encoded(result: ExecutionResult, logger: Logger): Rendered {
  const { errors, data } = formatted(result, logger);
  const [name] = Object.keys(data ?? {});
  const key = JSON.stringify(name ?? '');
  return {
    key,
    value: name === undefined ? null : valueIn(writeForClients(data), key),
    errors: errors ? writeForClients(errors) : null,
  };
}

/** Cut out of the whole: a value may tell its JSON by the key under which it stands. */
const valueIn = (data: string, key: string): string => data.slice(`{${key}:`.length, -1) || 'null';

/** Errors first, as graphql-js does, and without what only the server may know. */
export function formatted({ errors, data }: ExecutionResult, logger: Logger): FormattedExecutionResult {
  return errors
    ? { errors: errors.map((error) => masked(error, logger).toJSON()), data: data ?? null }
    : { data: data ?? null };
}

/** graphql-js throws this as a plain Error, unlike all else it says of a value that does not fit its type. */
const missingValue = /^Cannot return null for non-nullable field \w+\.\w+\.$/;

/** graphql-js repeats the name that an event gave itself, which may be that of a hidden type. */
const strangeType = /^(Abstract type "\w+" was resolved to a type) .* (that does not exist inside the schema\.)$/s;

/** An error of graphql-js or one meant for clients stays; anything else is logged and masked. */
export function masked(error: GraphQLError, logger: Logger): GraphQLError {
  const { originalError: cause, message } = error;
  if (strangeType.test(message)) {
    const { nodes, source, positions, path } = error;
    return new GraphQLError(message.replace(strangeType, '$1 $2'), { nodes, source, positions, path });
  }
  if (!cause || cause instanceof GraphQLError || cause instanceof Fault || missingValue.test(cause.message))
    return error;
  const told = internal(cause, logger);
  const { nodes, source, positions, path } = error;
  return new GraphQLError(told.message, { nodes, source, positions, path, extensions: told.extensions });
}

/** What clients are told of a failure that is none of theirs: the log has it, under the id that they get. */
export const internal = (error: unknown, logger: Logger): Fault =>
  internalFault(error, (told) => logger.error(told, 'internal error'));

/** A fault as every GraphQL client understands it. */
export function toGraphQLError(fault: Fault): GraphQLError {
  return new GraphQLError(fault.message, { extensions: fault.extensions });
}
