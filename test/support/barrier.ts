/** A step that goes on when it is told to. */
export class Barrier {
  open = () => {};
  readonly passed = new Promise<void>((resolve) => (this.open = resolve));
}
