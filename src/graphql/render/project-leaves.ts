import { GraphQLBoolean, GraphQLFloat, GraphQLID, GraphQLInt, type GraphQLLeafType, GraphQLString } from 'graphql';
import { holdsInfinity, writeForClients } from '../../event/write-json.js';

/** JSON text of a value that is there. What it throws means: graphql-js has to say it. */
export type Write = (value: unknown) => string;

/** Scalars and enums, by their own `serialize`; its call is saved where the value is what the type already wants. */
export function leaf(type: GraphQLLeafType): Write {
  const serialized: Write = (value) => json(type.serialize(value));
  const { serialize } = type;
  if (serialize === GraphQLString.serialize || serialize === GraphQLID.serialize) {
    return (value) =>
      typeof value === 'string' ? quoted(value) : typeof value === 'bigint' ? `"${value}"` : serialized(value);
  }
  if (serialize === GraphQLFloat.serialize) {
    return (value) => {
      const number = typeof value === 'bigint' ? Number(value) : value;
      return typeof number === 'number' && Number.isFinite(number) ? `${number}` : serialized(number);
    };
  }
  if (serialize === GraphQLInt.serialize) {
    // What survives the operator is a whole number of 32 bits.
    return (value) => (typeof value === 'number' && (value | 0) === value ? `${value}` : serialized(value));
  }
  if (serialize === GraphQLBoolean.serialize) {
    return (value) => (typeof value === 'boolean' ? `${value}` : serialized(value));
  }
  return (value) => {
    // An inherited method is called by the default resolver, and what it returns is the value.
    if (typeof value === 'function') throw new TypeError('a function is no JSON value');
    return serialized(value);
  };
}

/** Whatever JSON may have to escape: quotes, backslashes, control characters, surrogates. Most texts have none. */
const special = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;

const quoted = (text: string) => (special.test(text) ? JSON.stringify(text) : `"${text}"`);

/** What a scalar's `serialize` made, as JSON writes it inside of an object. */
function json(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (value !== null && value !== undefined && !holdsInfinity(value)) {
    const { then, toJSON } = value as { readonly then?: unknown; readonly toJSON?: unknown };
    // The one is awaited, the other is told under which key it stands, and may be told it only there.
    const text = typeof then === 'function' || typeof toJSON === 'function' ? undefined : writeForClients(value);
    if (text !== undefined) return text;
  }
  throw new TypeError('no plain JSON value');
}
