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

/** A piece of somebody's file inside a message: on one line, and not for pages. */
export function excerpt(text: string, limit = 80): string {
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?');
  return line.length > limit ? `${line.slice(0, limit)}...` : line;
}

/** The file is there but its content is not what was written: truncated, overwritten or never of this format. */
export class DamagedFileError extends UserError {
  constructor(
    readonly file: string,
    what: string,
  ) {
    super(`${file} ${excerpt(what, 400)}.`);
    this.name = 'DamagedFileError';
  }
}
