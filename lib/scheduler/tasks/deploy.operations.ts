import { DeployConflictError } from '../../errors/deploy.errors.js';
import { InvalidOptionError, rejectUnknownOptions } from '../../errors/input.errors.js';
import { SchedulerNotRunningError } from '../../errors/scheduler.errors.js';
import type { Clock } from '../../model/clock.js';
import { namesOf } from '../../model/names.js';
import { isUnreadable } from '../../model/task.js';
import type { TaskRecord } from '../../model/task.js';
import { Deadline } from '../../time/deadline.js';
import { toMilliseconds } from '../../time/inputs.js';
import { renamingOf } from '../plan/rename.plan.js';
import { fingerprintOf } from './declaration.js';
import type { DeclaredTask } from './declared.tasks.js';
import { ofDeclaration } from './declared.tasks.js';
import { DeployDescription } from './deploy.description.js';
import type { ApplyDeployOptions, DeployEntry, DeployKind, DeployPlan, DeployResult } from './deploy.info.js';
import type { DeploySurvey, Rename } from './deploy.survey.js';
import type { StoreRegistry } from './store.registry.js';
import { batchesOf } from './task.reconciler.js';
import type { Reconciler } from './task.reconciler.js';
import { keepOldId } from './task.renaming.js';

/** How many tasks are listed of which nothing becomes: a store may hold the orphans of years. */
const MAX_SAID = 1_000;

/** How many ids of tasks that may not be there are asked for at once. */
const AT_ONCE = 20;

/** How often it is looked whether the run of a task that is renamed has ended, in milliseconds. */
const LOOK_MS = 200;

const NEVER = new Promise<never>(() => {});

const FORMAT = 1;
const APPLY_OPTIONS = namesOf<keyof ApplyDeployOptions>({ timeout: 0 });
const NO_COUNTS: Readonly<Record<DeployKind, number>> = {
  added: 0,
  changed: 0,
  disabled: 0,
  renamed: 0,
  orphaned: 0,
  withheld: 0,
  unreadable: 0,
};

interface DeployServices {
  readonly name: string;
  readonly clock: Clock;
  readonly stores: StoreRegistry;
  /** What the code declares. */
  declared(): readonly DeclaredTask[];
  reconciler(): Reconciler;
}

/** What is found of one store, and what each finding says. */
interface Surveyed {
  readonly survey: DeploySurvey;
  readonly description: DeployDescription;
  readonly entries: DeployEntry[];
  /** By the new id. */
  readonly renames: Map<string, Rename>;
}

/** Says what a deploy would do, and does just that: behind `Scheduler.planDeploy` and `applyDeploy`. */
export class DeployOperations {
  constructor(private readonly services: DeployServices) {}

  /** @throws SchedulerNotRunningError, DeclarationError */
  async plan(): Promise<DeployPlan> {
    return (await this.#look('planDeploy')).plan;
  }

  /** @throws InvalidOptionError, SchedulerNotRunningError, DeclarationError, DeployConflictError */
  async apply(given: DeployPlan, options: ApplyDeployOptions = {}): Promise<DeployResult> {
    rejectUnknownOptions('applyDeploy', options, APPLY_OPTIONS);
    const timeoutMs = toMilliseconds(options.timeout ?? '30s', 'timeout', { min: 0 });
    const plan = this.#checkPlan(given);
    const { surveyed, plan: now } = await this.#look('applyDeploy');
    const planned = new Map(plan.entries.map((entry) => [keyOf(entry), entry]));
    const pending = now.entries.filter(({ action }) => action !== 'none');
    const conflicts = pending.filter((entry) => !fits(entry, planned.get(keyOf(entry)), surveyed));
    if (conflicts.length > 0) throw new DeployConflictError(toConflicts(conflicts), 0);
    const deadline = new Deadline(this.services.clock, timeoutMs);
    let applied = 0;
    const waiting: string[] = [];
    const moved: DeployEntry[] = [];
    for (const store of surveyed) {
      const entries = store.entries.filter(({ action }) => action !== 'none');
      applied += await this.#change(store, entries, moved);
      applied += await this.#add(store, entries, moved);
      applied += await this.#rename(store, entries, deadline, waiting, moved);
    }
    if (moved.length > 0) throw new DeployConflictError(toConflicts(moved), applied);
    const unchanged = plan.pending - applied - waiting.length;
    return { digest: plan.digest, applied, unchanged, waiting };
  }

  async #look(operation: string): Promise<{ readonly plan: DeployPlan; readonly surveyed: readonly Surveyed[] }> {
    const { stores, name } = this.services;
    const declared = this.services.declared();
    for (const task of declared) await ofDeclaration(task, () => stores.get(task.store ?? 'default'));
    const surveyed: Surveyed[] = [];
    const counts = { ...NO_COUNTS };
    let said = 0;
    for (const handle of stores.all()) {
      if (!handle.opened) throw new SchedulerNotRunningError(operation);
      const reconciler = this.services.reconciler();
      const survey = reconciler.survey(handle, await reconciler.check(handle, declared, null));
      const store: Surveyed = { survey, description: new DeployDescription(survey), entries: [], renames: new Map() };
      for await (const entry of describe(store)) {
        counts[entry.kind] += 1;
        if (entry.kind === 'orphaned' && entry.action === 'none' && (said += 1) > MAX_SAID) continue;
        store.entries.push(entry);
      }
      surveyed.push(store);
    }
    const entries = surveyed
      .flatMap((store) => store.entries)
      .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : keyOf(a) > keyOf(b) ? 1 : 0));
    const plan: DeployPlan = {
      version: FORMAT,
      scheduler: name,
      generatedAt: new Date(this.services.clock.now()).toISOString(),
      digest: digestOf(name, entries),
      pending: entries.filter(({ action }) => action !== 'none').length,
      counts,
      omitted: Math.max(0, said - MAX_SAID),
      entries,
    };
    return { plan, surveyed };
  }

  /** Tasks that are there: each is changed only if it is still what was planned. */
  async #change({ survey, description }: Surveyed, entries: readonly DeployEntry[], moved: DeployEntry[]) {
    const byId = new Map(
      entries.flatMap((entry) => (['add', 'rename'].includes(entry.action) ? [] : [[entry.taskId, entry]])),
    );
    const decide = (task: TaskRecord, at: number) =>
      byId.get(task.id)!.kind === 'orphaned' ? survey.dispose(task, at) : survey.decide(task, at);
    let applied = 0;
    for (const ids of batchesOf([...byId.keys()])) {
      const { changed, left } = await this.services
        .reconciler()
        .change(survey, ids, (task, at) =>
          description.basis(task, task.id) === byId.get(task.id)!.basis ? decide(task, at) : null,
        );
      applied += changed.length;
      const gone = new Set(ids);
      for (const id of [...changed, ...left.map((task) => task.id)]) gone.delete(id);
      const now = survey.handle.clock.now();
      // Who else applied it has left nothing to do.
      for (const task of left) if (decide(task, now) !== null) moved.push(byId.get(task.id)!);
      for (const id of gone) if (byId.get(id)!.kind !== 'orphaned') moved.push(byId.get(id)!);
    }
    return applied;
  }

  async #add({ survey }: Surveyed, entries: readonly DeployEntry[], moved: DeployEntry[]) {
    const byId = new Map(entries.flatMap((entry) => (entry.action === 'add' ? [[entry.taskId, entry]] : [])));
    let applied = 0;
    for (const ids of batchesOf([...byId.keys()])) {
      const others = await this.services.reconciler().add(survey, ids);
      applied += ids.length - others.length;
      for (const id of others) {
        const task = await survey.handle.store.lookupTask(id);
        const isDone = task !== null && !isUnreadable(task) && survey.decide(task, survey.handle.clock.now()) === null;
        if (!isDone) moved.push(byId.get(id)!);
      }
    }
    return applied;
  }

  async #rename(
    { survey, description, renames }: Surveyed,
    entries: readonly DeployEntry[],
    deadline: Deadline,
    waiting: string[],
    moved: DeployEntry[],
  ) {
    const { handle } = survey;
    let applied = 0;
    for (const entry of entries.filter(({ action }) => action === 'rename')) {
      const { taskId: to, basis } = entry;
      const rename = renames.get(to)!;
      const isExpected = (source: TaskRecord) => description.basis(source, to) === basis;
      let done = await this.services.reconciler().rename(survey, rename, isExpected);
      while (done === 'waiting' && !deadline.isOver) {
        await deadline.holds(NEVER, LOOK_MS);
        done = await this.services.reconciler().rename(survey, rename, isExpected);
      }
      if (done === 'renamed') applied += 1;
      else if (done === 'waiting') {
        waiting.push(to);
        await keepOldId(handle, rename.from);
      } else {
        const task = await handle.store.lookupTask(to);
        const isThere = task !== null && !isUnreadable(task) && survey.decide(task, handle.clock.now()) === null;
        if (!isThere) moved.push(entry);
      }
    }
    return applied;
  }

  /** @throws InvalidOptionError */
  #checkPlan(plan: DeployPlan): DeployPlan {
    const isPlan = typeof plan === 'object' && plan !== null && Array.isArray(plan.entries);
    if (!isPlan) throw new InvalidOptionError('plan', plan, 'what planDeploy resolves with');
    if (plan.version !== FORMAT) throw new InvalidOptionError('plan.version', plan.version, String(FORMAT));
    if (plan.scheduler !== this.services.name) {
      throw new InvalidOptionError('plan.scheduler', plan.scheduler, JSON.stringify(this.services.name));
    }
    const entries = plan.entries as readonly unknown[];
    const isWhole =
      entries.every((entry) => typeof entry === 'object' && entry !== null) &&
      plan.digest === digestOf(plan.scheduler, plan.entries);
    if (!isWhole) throw new InvalidOptionError('plan.digest', plan.digest, 'that of its entries: it was changed');
    return { ...plan, pending: plan.entries.filter(({ action }) => action !== 'none').length };
  }
}

/** What the survey of a store finds, in words. */
async function* describe({ survey, description, renames }: Surveyed): AsyncGenerator<DeployEntry> {
  const { handle, declared } = survey;
  for await (const finding of survey.find()) {
    const now = handle.clock.now();
    if (finding.kind === 'changed') {
      for (const task of finding.tasks) yield* listed(description.changed(task, now));
    } else if (finding.kind === 'orphans') {
      for (const task of finding.tasks) yield description.orphaned(task, now);
    } else if (finding.kind === 'rename') {
      renames.set(finding.rename.to, finding.rename);
      yield description.renamed(finding.rename, now);
    } else if (finding.kind === 'withheld') {
      yield description.withheld(finding.id, finding.as);
    } else {
      for (let at = 0; at < finding.ids.length; at += AT_ONCE) {
        const ids = finding.ids.slice(at, at + AT_ONCE);
        // Not among the tasks of the code: not there, added at run time, or not readable.
        const tasks = await Promise.all(ids.map((id) => handle.store.lookupTask(id)));
        for (const [index, task] of tasks.entries()) {
          if (task === null) {
            if (declared.built.has(ids[index]!)) yield description.added(ids[index]!);
          } else if (isUnreadable(task)) yield description.unreadable(task);
          else yield* listed(description.changed(task, now));
        }
      }
    }
  }
}

function* listed(entry: DeployEntry | null): Generator<DeployEntry> {
  if (entry !== null) yield entry;
}

/** Whether what is to be done now is what was planned. */
function fits(now: DeployEntry, planned: DeployEntry | undefined, surveyed: readonly Surveyed[]): boolean {
  if (!planned || planned.action !== now.action || planned.storedId !== now.storedId) return false;
  return planned.basis === now.basis || (now.action === 'rename' && isHalfDone(now, surveyed));
}

/** Whether an earlier application of the plan has begun with it. */
function isHalfDone({ taskId, store }: DeployEntry, surveyed: readonly Surveyed[]): boolean {
  const rename = surveyed.find(({ survey }) => survey.handle.alias === store)?.renames.get(taskId);
  const source = rename?.source;
  return rename !== undefined && (rename.copy !== null || (source ? renamingOf(source) !== null : false));
}

function keyOf({ store, taskId }: Pick<DeployEntry, 'store' | 'taskId'>): string {
  return `${store}\n${taskId}`;
}

/** Of what is decided; when it runs next is another matter each time. */
function digestOf(scheduler: string, entries: readonly DeployEntry[]): string {
  return fingerprintOf([
    FORMAT,
    scheduler,
    entries.map(({ store, taskId, kind, action, storedId, basis }) => [store, taskId, kind, action, storedId, basis]),
  ]);
}

function toConflicts(entries: readonly DeployEntry[]) {
  return entries.map(({ taskId, store }) => ({ taskId, store }));
}
