import type { Choice } from '../../src/common/config';
import { transformPair } from '../../src/data/batches';
import { readSome } from '../../src/data/dataset';
import type { LabelDataset } from '../../src/data/pairs';
import { resizeLabels } from '../../src/data/resize';
import type { LabelMap, Pair, PairDataset, RgbImage, Size } from '../../src/data/types';
import { saveFigure } from '../../src/figures/figure';
import { samplesOverTime, type Sample } from '../../src/figures/samples_over_time';
import type { Generator } from '../../src/models/lggan/generator';

/** Images of the same few label maps over the steps, in one picture. */
export class SampleFile {
  private samples: Sample[] = [];
  private labels?: LabelMap[];
  private photos?: RgbImage[];

  /** @param pairs what to paint; of label maps alone the picture has no photos */
  constructor(
    private readonly path: string,
    private readonly pairs: PairDataset | LabelDataset,
    private readonly imageSize: Size,
    private readonly crop: Choice,
    private readonly count = 3,
  ) {}

  async add(generator: Generator, step: number): Promise<void> {
    if (!this.labels) {
      this.labels = [];
      const shown: (Omit<Pair, 'image'> & { image?: RgbImage })[] = await readSome<Omit<Pair, 'image'>>(this.pairs, this.count);
      for (const item of shown) {
        if (!item.image) {
          this.labels.push(resizeLabels(item.labels, this.imageSize));
          continue;
        }
        const { image, labels } = transformPair({ ...item, image: item.image }, { imageSize: this.imageSize, crop: this.crop });
        this.labels.push(labels);
        (this.photos ??= []).push(image);
      }
    }
    // A long run takes thousands; the picture shows a few, spread evenly.
    if (this.samples.length > 16) this.samples = this.samples.filter((_, i) => i % 2 === 0);
    this.samples.push({ step, images: await generator.paint(this.labels) });
    await saveFigure(this.path, samplesOverTime(this.samples, { labels: this.labels, photos: this.photos }), { formats: ['png'], scale: 1 });
  }
}
