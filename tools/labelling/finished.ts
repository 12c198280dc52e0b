import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** A pair of classes between which the views of a photograph disagree. */
export interface Doubt {
  labelled: string;
  perhaps: string;
  /** Share of the photograph's pixels. */
  share: number;
}

/** What is told of a photograph that was labelled. */
export interface LabelledPhoto {
  name: string;
  file: string;
  height: number;
  width: number;
  /** Share of the pixels of each class that was found, largest first. */
  classes: Record<string, number>;
  /** Share of the pixels for which fewer than 60 % of the votes agree. */
  ambiguous: number;
  doubts: Doubt[];
  /** What was done to it: turned upright, made smaller. */
  notes: string[];
}

const NAME = '.lggan-labelled';

interface Line {
  source: string;
  settings: string;
  /** File and state of all that was written for it. */
  files: [string, string][];
  photo: LabelledPhoto;
}

/**
 * The photographs that are labelled already, in a small hidden file of the output folder with a line for each, so that an interrupted run goes
 * on where it ended. One counts while photograph, settings and all its files are as they were.
 */
export class Finished {
  private readonly lines = new Map<string, Line>();

  /** `settings`: whatever changes the label maps. */
  constructor(
    private readonly output: string,
    private readonly settings: string,
  ) {
    let text = '';
    try {
      text = readFileSync(join(output, NAME), 'utf8');
    } catch {
      // None is finished.
    }
    for (const line of text.split('\n').filter(Boolean)) {
      try {
        const parsed = JSON.parse(line) as Line;
        this.lines.set(parsed.photo.name, parsed);
      } catch {
        // Cut off by the end of a run.
      }
    }
  }

  /** What the report says of `file`, where it is finished. */
  get(file: string, name: string): LabelledPhoto | undefined {
    const line = this.lines.get(name);
    if (line?.settings !== this.settings || line.source !== sourceOf(file)) return undefined;
    return line.files.every(([target, state]) => stateOf(join(this.output, target)) === state) ? { ...line.photo, file } : undefined;
  }

  /** To be called when all of `targets` (below the output folder) are written. */
  add(targets: readonly string[], photo: LabelledPhoto): void {
    const files = targets.map((target): [string, string] => [target, stateOf(join(this.output, target)) ?? '']);
    const line: Line = { source: sourceOf(photo.file), settings: this.settings, files, photo };
    // A line of its own, also behind one that was cut off.
    appendFileSync(join(this.output, NAME), `\n${JSON.stringify(line)}\n`);
  }
}

/** With its extension: `a.jpg` and `a.png` have one name. */
const sourceOf = (file: string) => `${/\.[^.]*$/.exec(file)?.[0] ?? ''} ${stateOf(file)}`;

function stateOf(file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat && `${stat.size} ${Math.round(stat.mtimeMs)}`;
}
