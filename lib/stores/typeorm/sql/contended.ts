/** Rolls a transaction back that another one was faster with: which of its rows that is about has to be found out. */
export class Contended extends Error {
  constructor() {
    super('Another scheduler was faster with some of the tasks.');
  }
}
