import type { LeaseRef } from '../../model/run.js';
import type { RunEnd } from '../plan/end.plan.js';
import type { EndAnswer } from './end.answer.js';
import type { HeldRun } from './held.run.js';
import type { LimitedLines } from './limited.lines.js';
import type { RunOutcome } from './run.outcome.js';
import type { RunServices } from './run.services.js';
import { reportUnasked } from './run.warnings.js';

/** What the loop does for it. */
interface AnnouncerLoop {
  /** Finds out why an end was refused, in words. Never rejects. */
  whyRefused(lease: LeaseRef): Promise<string>;
  /** A run has ended that somebody had asked for. */
  askedForEnded(): void;
}

/** Tells what became of the ends of runs: events, numbers, and lines of the log. */
export class EndAnnouncer {
  constructor(
    private readonly services: RunServices,
    private readonly leases: LimitedLines,
    private readonly loop: AnnouncerLoop,
  ) {}

  announce(run: HeldRun, { record, retryAt, sleep }: RunEnd, outcome: RunOutcome, answer: EndAnswer): void {
    const { events, alias: store, observed } = this.services;
    const { taskId } = run;
    const { error } = outcome;
    if (answer.outcome === 'refused') {
      void this.#reportRefusal(run);
      if (run.isFenced) return;
      observed.meter?.leaseLost();
      events.emit('run.fenced', { ...run.event(), token: run.token });
      return;
    }
    if (record) {
      const willRetry = retryAt !== null && answer.outcome !== 'kept';
      // Who has asked for it may wait on another node.
      if (record.request !== null) this.loop.askedForEnded();
      observed.meter?.ended(record, run.measuredMs, willRetry);
      const ended = () => ({ ...run.event(), run: record });
      if (record.status === 'succeeded') events.emit('run.succeeded', ended);
      else if (record.status === 'failed') events.emit('run.failed', () => ({ ...ended(), error, willRetry }));
      else events.emit('run.cancelled', () => ({ ...ended(), error }));
    }
    if (record?.status === 'succeeded') reportUnasked(run, this.services);
    if (sleep) events.emit('run.suspended', () => ({ ...run.event(), until: new Date(sleep.until) }));
    if (answer.outcome === 'kept') return;
    if (!answer.task) events.emit('task.removed', { taskId, store, reason: 'finished' });
    else if (answer.outcome === 'paused') {
      events.emit('task.paused', {
        taskId,
        store,
        actor: null,
        reason: answer.task.state.pause?.reason ?? null,
        byFailures: true,
      });
    }
  }

  async #reportRefusal(run: HeldRun): Promise<void> {
    const reason = await this.loop.whyRefused(run.lease);
    this.leases.add(`The end of run "${run.runId}" was refused: ${reason}`, run.logFields);
  }
}
