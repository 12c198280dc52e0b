import { measureSwitches } from '../proof/parity/switches';
import { runCommand } from './arguments';

void runCommand(
  {
    name: 'npm run switches --',
    description:
      'Measures what each switch between the papers and the original changes (docs/differences.md), on weights given by a formula and the photographs of the project.',
    options: { json: { type: 'flag', help: 'print the figures as JSON' } },
  },
  async ({ json }) => {
    const effects = await measureSwitches({ onProgress: (name) => console.error(name) });
    if (json) return console.log(JSON.stringify(effects, undefined, 2));
    console.log('| switch | quantity | paper | original |\n| --- | --- | --- | --- |');
    const shown = (value: number) => (value === 0 ? '0' : value.toPrecision(6));
    for (const e of effects) {
      console.log(`| ${e.switch} | ${e.quantity}${e.unit ? `, ${e.unit}` : ''} | ${shown(e.paper)} | ${shown(e.original)} |`);
    }
  },
);
