// What the schedulers in memory have in common: they only run schedules.

/** The second that a time belongs to, in ms; a timer may be a little early. */
const secondOf = (time) => Math.floor((time + 50) / 1_000) * 1_000;

/**
 * An adapter of a library of schedules.
 *
 * @param start Starts `count` schedules that call a function each second. Returns what stops them.
 */
export function eachSecond(packageName, describe, start) {
  return {
    packages: [packageName],
    settings: {},
    guessesTimes: true,
    describe: () => describe,
    async open(site, handler) {
      let count = 0;
      let stop = () => {};
      return {
        schedule: async (schedules) => {
          count = schedules;
        },
        async go() {
          stop = await start(count, (id, scheduled = secondOf(Date.now())) => handler(id, scheduled));
        },
        left: async () => 0,
        kept: async () => null,
        close: async () => stop(),
      };
    },
  };
}
