/** Stands for native code that crashes now and then: it takes its process along, and nothing else. */
export function resize(name: string): string {
  if (name === 'broken.png') process.kill(process.pid, 'SIGSEGV');
  return `${name} is resized`;
}

/** Never gives its event loop back: no signal reaches it. */
export function spin(): never {
  for (;;);
}
