import {
  astFromValue,
  type GraphQLArgument,
  type GraphQLInputField,
  type GraphQLSchema,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
} from 'graphql';
import type { Report } from './problem.js';

/** A default that graphql-js cannot write, a list or an object of a scalar, is a fault: any introspection would fail by it. */
export function refuseUntoldDefaults(schema: GraphQLSchema, to: Report): void {
  for (const { name, type, defaultValue, astNode } of inputs(schema)) {
    if (defaultValue === undefined) continue;
    try {
      astFromValue(defaultValue, type);
    } catch {
      const place = astNode?.defaultValue?.loc?.start ?? 0;
      to.fault(
        place,
        `The default of ${name} cannot be told to clients: of a scalar it is a text, a number, true or false`,
      );
    }
  }
}

function inputs(schema: GraphQLSchema): readonly (GraphQLArgument | GraphQLInputField)[] {
  const ofTypes = Object.values(schema.getTypeMap()).flatMap((type) => {
    if (isInputObjectType(type)) return Object.values(type.getFields());
    if (!isObjectType(type) && !isInterfaceType(type)) return [];
    return Object.values(type.getFields()).flatMap(({ args }) => args);
  });
  return [...ofTypes, ...schema.getDirectives().flatMap(({ args }) => args)];
}
