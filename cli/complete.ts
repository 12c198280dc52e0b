import { isFirst } from '../src/engine/cluster';

/** What a training run can be asked for. */
export interface Wanted {
  epochs: number;
  secondStageFrom?: number;
  stage?: 1 | 2;
}

/** Says how a training command ended, where it has anything to say; of several workers the first speaks. */
export function tellEnd(output: string, { epochsBefore, interrupted }: { epochsBefore: number; interrupted: boolean }, wanted: Wanted): void {
  if (!isFirst()) return;
  const through = complete(output, epochsBefore, wanted);
  if (through) console.log(through);
  else if (interrupted) console.log(`Stopped and saved in ${output}; the same command goes on from there.`);
}

/** What a training command says where its run has nothing left to do; undefined where it has. */
export function complete(output: string, before: number, wanted: Wanted): string | undefined {
  const { epochs, secondStageFrom = epochs + 1, stage } = wanted;
  const goal = stage === 1 ? Math.min(epochs, secondStageFrom - 1) : epochs;
  if (before < goal) return undefined;
  const done = Math.floor(before);
  if (goal < epochs) return `${output}: stage 1 is complete, ${goal} of ${goal} epochs; --stage 2 goes on.`;
  if (before > goal) return `${output}: this run has ${done} epochs already, more than --epochs ${epochs}; raise --epochs above ${done} to go on.`;
  return `${output}: complete, ${done} of ${epochs} epochs; raise --epochs to go on.`;
}
