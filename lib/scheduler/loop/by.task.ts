/** Puts what is of one task together, in the order in which the tasks come first. */
export function groupByTask<T>(items: readonly T[], taskIdOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const taskId = taskIdOf(item);
    const group = groups.get(taskId);
    if (group) group.push(item);
    else groups.set(taskId, [item]);
  }
  return groups;
}
