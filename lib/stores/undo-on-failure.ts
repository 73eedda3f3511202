/** Does `work`; when it rejects, `undo` gives back what was opened for it, and the error is thrown after that. */
export async function undoOnFailure<T>(undo: () => unknown, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await undo();
    throw error;
  }
}
