/**
 * The names of what the store keeps in a database.
 *
 * @param prefix What the names of all tables begin with.
 * @param schema The schema that they are in; the connection's own when null.
 */
export class TableNames {
  readonly tasks: string;
  readonly runs: string;
  readonly journal: string;
  readonly schedulers: string;
  /** By priority and due time: what is due, and when something is due next. */
  readonly dueIndex: string;
  /** By group, priority and due time: the same while groups are full, and by age. */
  readonly laneIndex: string;
  /** What schedulers look for at their starts and stops, by id. */
  readonly startIndex: string;
  /** The history of one task by time. */
  readonly taskRunsIndex: string;
  /** The dead runs of the history by time. */
  readonly deadIndex: string;

  /** The journal of one task, by id. */
  readonly taskJournalIndex: string;

  constructor(
    readonly prefix: string,
    readonly schema: string | null,
  ) {
    this.tasks = `${prefix}_tasks`;
    this.runs = `${prefix}_runs`;
    this.journal = `${prefix}_journal`;
    this.schedulers = `${prefix}_schedulers`;
    this.dueIndex = `${prefix}_tasks_due`;
    this.laneIndex = `${prefix}_tasks_lanes`;
    this.startIndex = `${prefix}_tasks_start`;
    this.taskJournalIndex = `${prefix}_journal_task`;
    this.taskRunsIndex = `${prefix}_runs_task`;
    this.deadIndex = `${prefix}_runs_dead`;
  }
}
