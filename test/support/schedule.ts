import fc from 'fast-check';

/** What happens next in a world, in words that a failure can be read by, and done. */
export interface Step<World> {
  toString(): string;
  run(world: World): unknown;
}

/** Most objects of fast-check have no prototype, which nobody wants to read at each of them. */
const spoken = (value: unknown) => fc.stringify(value).replaceAll(/__proto__:null,?/g, '');

/** Makes the choices of `fc.oneof`: how often, in which words, with what, and what it does to the world. */
export function scheduleOf<World>() {
  return function happens<T extends unknown[]>(
    weight: number,
    words: string,
    chosen: { [K in keyof T]: fc.Arbitrary<T[K]> },
    run: (world: World, ...chosen: T) => unknown,
  ) {
    const arbitrary = fc.tuple<T>(...chosen).map(
      (values): Step<World> => ({
        toString: () => `${words} ${values.map(spoken).join(', ')}`,
        run: (world) => run(world, ...(values as T)),
      }),
    );
    return { weight, arbitrary };
  };
}
