/** What a test opened in a loop, closed in reverse at the end of its scope. (Node 20 has no AsyncDisposableStack.) */
export function opened() {
  const closes: (() => unknown)[] = [];
  return {
    defer: (close: () => unknown) => void closes.push(close),
    use<T extends AsyncDisposable>(resource: T): T {
      closes.push(() => resource[Symbol.asyncDispose]());
      return resource;
    },
    async [Symbol.asyncDispose]() {
      for (const close of closes.reverse()) await close();
    },
  };
}

/** What `make` gives; all that it opened is closed at the end of that one's scope, and at once when it fails. */
export async function opening<T extends object>(
  make: (scope: ReturnType<typeof opened>) => Promise<T>,
): Promise<T & AsyncDisposable> {
  const scope = opened();
  try {
    return Object.assign(await make(scope), { [Symbol.asyncDispose]: scope[Symbol.asyncDispose] });
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}
