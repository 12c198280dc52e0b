/** An ablation in words and as a table, and the file that figures are drawn from. */
import { UserError } from '../../src/common/errors';
import { momentsOf } from '../../src/metrics/moments';
import { QUANTITY_NAMES, type Quantity, type Measured, type MetricInfo } from './measure';
import type { RunResult } from './run';
import type { AblationSettings } from './settings';
import { meanText, numberText, summariseAblation, type Ablation, type Verdict } from './statistics';
import { BASELINE, VARIANTS } from './variants';

/** What images that no network painted reach, by the same judges. */
export interface References {
  photographs: Measured;
  meanColours: Measured;
}

/** Who judged. */
function infoOf(measured: readonly Pick<Measured, 'info'>[]): Partial<Record<Quantity, MetricInfo>> {
  const info: Partial<Record<Quantity, MetricInfo>> = {};
  for (const run of measured) {
    for (const key of QUANTITY_NAMES) {
      const own = run.info[key];
      if (own && info[key] && own.by !== info[key]!.by) {
        throw new UserError(
          `ablation: ${own.name} was judged by '${info[key]!.by}' and by '${own.by}'; remove the result.json of the runs: they are measured again, not trained.`,
        );
      }
      if (own) info[key] ??= own;
    }
  }
  return info;
}

const MARKS: Record<Verdict, string> = { baseline: '', better: ' +', worse: ' -', 'within the spread': '', 'one seed': '' };

/** Mean and deviation of every variant, as Markdown. */
export function ablationMarkdown(ablation: Ablation): string {
  const { metrics, references = {}, runs } = ablation;
  const summaries = summariseAblation(ablation);
  const keys = Object.keys(metrics);
  const variants = [...new Set(runs.map((r) => r.variant))];
  const cell = (variant: string, key: string) => {
    const own = summaries.find((s) => s.variant === variant && s.metric === key);
    return own ? meanText(own) + MARKS[own.verdict] : '–';
  };
  const row = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [
    row(['variant', 'runs', ...keys.map((k) => `${metrics[k].name ?? k} ${metrics[k].better === 'higher' ? '↑' : '↓'}`), 'seconds']),
    row(['---', ...keys.map(() => '---'), '---', '---']),
    ...variants.map((variant) => {
      const own = runs.filter((r) => r.variant === variant);
      const seconds = momentsOf(own.map((r) => r.seconds ?? NaN)).mean;
      return row([variant, String(own.length), ...keys.map((key) => cell(variant, key)), seconds.toFixed(0)]);
    }),
    ...Object.entries(references).map(([name, values]) => row([`(${name})`, '', ...keys.map((k) => numberText(values[k])), ''])),
  ].join('\n');
}

/** A sentence for each variant beside the baseline: what is better or worse beyond the deviations, and what is not. */
export function ablationSentences(ablation: Ablation): string[] {
  const compared = summariseAblation(ablation).filter((s) => s.verdict !== 'baseline');
  return [...new Set(compared.map((s) => s.variant))].map((variant) => {
    const own = compared.filter((s) => s.variant === variant);
    const parts = (['better', 'worse', 'within the spread', 'one seed'] as const).flatMap((verdict) => {
      const names = own.filter((s) => s.verdict === verdict).map((s) => ablation.metrics[s.metric].name ?? s.metric);
      return names.length ? [`${verdict} in ${names.join(', ')}`] : [];
    });
    return `${variant} (${own[0].group}), beside the baseline: ${parts.join('; ')}.`;
  });
}

/** What `figures/ablation.json` holds, the variants in their order. @throws UserError where runs were judged by different networks */
export function ablationFile(command: string, settings: AblationSettings, runs: readonly RunResult[], references: References) {
  const place = (run: RunResult) => VARIANTS.findIndex((v) => v.name === run.variant);
  const ordered = [...runs].sort((a, b) => place(a) - place(b));
  return {
    'created by': command,
    settings: { ...settings, baseline: BASELINE, seeds: new Set(runs.map((r) => r.seed)).size },
    metrics: infoOf([...runs, references.photographs, references.meanColours]),
    references: { photographs: references.photographs.metrics, 'mean colours': references.meanColours.metrics },
    runs: ordered.map(({ variant, group, seed, metrics, seconds }) => ({ variant, group, seed, metrics, seconds })),
  } satisfies Ablation;
}
