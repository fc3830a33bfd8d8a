/**
 * Waits until `condition` no longer throws (or rejects), asking every few milliseconds, and gives what it returned.
 * Throws the condition's last error when `within` ms (default 10 s) are over.
 */
export async function eventually<T>(condition: () => T | Promise<T>, within = 10_000): Promise<T> {
  const deadline = Date.now() + within;
  for (;;) {
    try {
      return await condition();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
