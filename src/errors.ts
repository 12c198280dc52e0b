/** An error that the user can mend: one sentence that says what is wrong, in which file, and what to do. Shown without a stack. */
export class UserError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'UserError';
  }

  /** What a notebook prints. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.message;
  }
}
