import type { MemoryStore } from 'nestjs-asyncz';

/** Another scheduler takes over what runs of a task, until the given time: newer tokens stand in the task. */
export function takeOver(store: MemoryStore, id: string, until: number): void {
  store.transact({ ids: [id] }, (task) => {
    const token = task.state.lastToken + 1;
    const lease = task.state.lease && { owner: 'other', token, at: until - 30_000, attempt: 1, until };
    const live = task.state.live.map((run) => ({ ...run, token, owner: 'other', leaseUntil: until }));
    return { task: { ...task, state: { ...task.state, lastToken: token, lease, live } }, value: null };
  });
}
