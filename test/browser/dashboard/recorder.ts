/** What a page has shown, by its own DOM. Numbers are those of `numbered`. */
export interface Shown {
  /** What must never be: a payment twice, left out or out of its order, a row that goes back. */
  readonly faults: string[];
  /** Of payments: the first number, and the newest. */
  first: number | null;
  last: number | null;
  /** What the indicator has said, in order. */
  readonly states: string[];
}

/** Runs in the page, before anything of it: looks at everything that the page shows, and leaves it in `window.shown`. */
export function record(): void {
  const shown: Shown = { faults: [], first: null, last: null, states: [] };
  Object.assign(window, { shown });
  const times = new WeakMap<Element, number>();

  function row(element: HTMLElement) {
    const time = Number(element.dataset.time);
    const before = times.get(element) ?? 0;
    if (time < before) shown.faults.push(`${element.dataset.id} shows ${time} after ${before}`);
    times.set(element, time);
  }

  function payments() {
    const listed = [...document.querySelectorAll<HTMLElement>('.payments li')].map((element) =>
      Number(element.dataset.id?.split('-').at(-1)),
    );
    const [newest] = listed;
    if (newest === undefined) return;
    for (const [place, number] of listed.entries()) {
      const older = listed[place + 1];
      if (older !== undefined && number !== older + 1) shown.faults.push(`payment ${number} stands next to ${older}`);
    }
    const oldest = listed[listed.length - 1] as number;
    if (shown.last !== null && oldest > shown.last + 1)
      shown.faults.push(`between ${shown.last} and ${oldest} nothing`);
    if (shown.last !== null && newest < shown.last) shown.faults.push(`payment ${newest} after ${shown.last}`);
    shown.first ??= oldest;
    shown.last = newest;
  }

  const state = ({ dataset, title }: HTMLElement) => {
    const says = title ? `${dataset.state}: ${title}` : String(dataset.state);
    if (says !== shown.states.at(-1)) shown.states.push(says);
  };
  new MutationObserver((records) => {
    for (const { type, target } of records) {
      if (type !== 'attributes') continue;
      if ((target as HTMLElement).matches('.vehicle')) row(target as HTMLElement);
    }
    document.querySelectorAll<HTMLElement>('.connection').forEach(state);
    payments();
  }).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ['data-time', 'data-state'],
  });
}
