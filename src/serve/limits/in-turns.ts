/** How many are done in one turn of the event loop. */
const each = 16;

/**
 * Does to all that it is given what `act` does, a few in each turn of the event loop and in their order. What strangers
 * make due at one moment would else be one long turn, in which nobody's events leave.
 */
export function inTurns<T>(act: (one: T) => void): (one: T) => void {
  let due: T[] = [];
  function turn() {
    for (const one of due.splice(0, each)) act(one);
    if (due.length > 0) setImmediate(turn);
    else due = [];
  }
  return (one) => {
    if (due.push(one) === 1) setImmediate(turn);
  };
}
