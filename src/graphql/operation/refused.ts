import { GraphQLError } from 'graphql';
import { Fault } from '../../event/faults.js';
import { LogUnavailable } from '../../log/channel-log.js';
import type { Logger } from '../../observe/logger.js';
import { toGraphQLError } from '../render/render.js';
import { coded } from './operation.js';

/** Thrown for an operation with which several things are wrong at once, as graphql-js finds them. */
export class Refused extends Error {
  override name = 'Refused';

  constructor(readonly errors: readonly GraphQLError[]) {
    super(errors[0]?.message);
  }
}

/** What a client is told of an error for which an operation was refused; null of one that is a failure of the server. */
export function errorsOf(error: unknown, logger: Logger): readonly GraphQLError[] | null {
  if (error instanceof Refused) return error.errors;
  if (error instanceof GraphQLError) return [coded(error, 'BAD_USER_INPUT')];
  if (error instanceof Fault) return [toGraphQLError(error)];
  if (error instanceof LogUnavailable) {
    logger.warn({ error: error.message }, 'a subscription could not start');
    return [toGraphQLError(new Fault('UNAVAILABLE', { why: 'the log cannot be reached' }))];
  }
  return null;
}
