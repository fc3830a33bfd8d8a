/** A socket that takes nothing while it is stalled, for outlets of a test. */
export class Stall {
  #stalled: { readonly promise: Promise<void>; readonly resolve: () => void } | null = null;

  /** As an outlet says it: null while it takes more, else resolves when it has drained. */
  drained(): Promise<void> | null {
    return this.#stalled?.promise ?? null;
  }

  begin(): void {
    let resolve = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    this.#stalled ??= { promise, resolve };
  }

  end(): void {
    this.#stalled?.resolve();
    this.#stalled = null;
  }
}
