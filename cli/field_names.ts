/** Messages speak of fields (`schedule.decayEpochs`), as notebooks need them; the command line has options (`--decay_epochs`). */

/** Configurations as messages name them, see `configure` and `wholeNumbers`. */
const CONFIGURATIONS = /^(train|trainRCAN|schedule|LGGAN|RCAN|Discriminator|Adam|batches|srBatches|crops|randomCrop|segmenter|split|ablation|upscale)$/;

/**
 * A message with a command's options in place of the fields that they set. A word counts as a field where it is in camel case
 * (`batchSize`) or belongs to a configuration (`schedule.epochs`), and the command has that option; parts of paths do not.
 * @param fields names of options that differ from their fields' in more than the case
 */
export function asOptions(
  message: string,
  options: Readonly<Record<string, { readonly type: string }>>,
  fields: Readonly<Record<string, string>> = {},
): string {
  const optionOf = (field: string) => {
    const name = fields[field] ?? field.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);
    return Object.hasOwn(options, name) && options[name].type !== 'flag' ? name : undefined;
  };
  return message.replace(/(?<![\w./\\-])[A-Za-z]+(?:\.\w+)*(?![\w/\\-])/g, (chain) => {
    const parts = chain.split('.');
    const known = CONFIGURATIONS.test(parts[0]);
    const at = known && parts.length > 1 ? parts.reduce((found, part, i) => (i > 0 && optionOf(part) ? i : found), 0) : 0;
    if (at === 0 && (known || !/^[a-z]+[A-Z]/.test(parts[0]))) return chain;
    const option = optionOf(parts[at]);
    return option ? [`--${option}`, ...parts.slice(at + 1)].join('.') : chain;
  });
}
