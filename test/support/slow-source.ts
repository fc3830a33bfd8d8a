/** Resolvers of a subscription field that is a while in subscribing, and then tells once by which claims it was. */
export function slowSource(field: string) {
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  let asked = 0;
  async function* source(rooms: string) {
    yield { [field]: rooms };
    await new Promise(() => {});
  }
  const subscribe = async (_: unknown, __: unknown, { claims }: { claims: { rooms?: string[] } }) => {
    asked++;
    await gate;
    return source(String(claims.rooms));
  };
  return { resolvers: { Subscription: { [field]: { subscribe } } }, asked: () => asked, open };
}
