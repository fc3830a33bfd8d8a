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
