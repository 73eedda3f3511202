/** How many calls a system without an addition of many at once gets at the same time. */
const IN_FLIGHT = 50;

/** Calls `work` for each number from `from` on, some at the same time. */
export async function inFlight(count, work, { from = 0, limit = IN_FLIGHT } = {}) {
  let next = from;
  const caller = async () => {
    while (next < from + count) await work(next++);
  };
  await Promise.all(Array.from({ length: limit }, caller));
}

/** The time of one task, as it is given to `add`: in ms, or undefined for now. */
export const timeOf = (at, id) => (typeof at === 'function' ? at(id) : at);
