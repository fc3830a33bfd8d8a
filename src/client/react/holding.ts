/**
 * Opens something for as long as somebody holds it. Not in the same turn: StrictMode lets go and takes again what it has just
 * taken, and a list moves its rows about; each would be a subscription for nothing.
 */
export class Holding {
  #holders = 0;
  #isOpen = false;

  constructor(
    private readonly open: () => void,
    private readonly close: () => void,
  ) {}

  /** Gives the way to let go. */
  readonly hold = (): (() => void) => {
    let holds = true;
    this.#holders++;
    queueMicrotask(() => this.#settle());
    return () => {
      if (holds) this.#holders--;
      holds = false;
      queueMicrotask(() => this.#settle());
    };
  };

  /** Closes and opens it again, where it is open. */
  reopen(): void {
    if (!this.#isOpen) return;
    this.close();
    this.open();
  }

  #settle() {
    const isWanted = this.#holders > 0;
    if (isWanted === this.#isOpen) return;
    this.#isOpen = isWanted;
    if (isWanted) this.open();
    else this.close();
  }
}
