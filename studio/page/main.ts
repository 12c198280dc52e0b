/** The page: what one sees put together with what computes it. */
import { CLASSES, CLASS_NAMES, NUM_CLASSES } from '../../src/classes';
import { COLOURS, GROUPS, KEYED, classOf, found, keyOf } from '../drawing/palette';
import { Sketch } from '../drawing/sketch';
import { STARTERS, drawn } from '../drawing/starters';
import type { Manifest, Picture, View } from '../worker/messages';
import { Board, type BoardSettings, type Tool } from './board';
import { Client, type Painted } from './client';
import { byId, canvasPng, download, is2d, make } from './dom';
import { keep, kept } from './store';

/** The sketch has the painting's shape and about so many columns: finer than the network sees, so that outlines look as one draws them. */
const COLUMNS = 512;
/** A photo with more pixels would fill the memory. */
const MAX_PHOTO_PIXELS = 60e6;
const LARGEST_SEED = 2 ** 32 - 1;
const TOOL_KEYS: Record<string, Tool> = { b: 'brush', l: 'line', r: 'rectangle', f: 'fill', i: 'pick', e: 'eraser' };

/** What the views are. */
const ABOUT: Record<string, string> = {
  painting: 'Both branches, blended. Click a point to see how it was upsampled there.',
  global: 'The global branch alone, which paints the whole picture at once.',
  local: 'The local branch alone, which paints each class apart.',
  'global weight': 'How much of each point comes from the global branch.',
  'local weight': 'How much of each point comes from the local branch.',
  classes: 'What the local branch paints of each class; grey is nothing.',
};

class Studio {
  private readonly settings: BoardSettings = { tool: 'brush', class: classOf('water'), size: 28 };
  private readonly board: Board;
  private readonly client: Client;
  private views: View[] = [];
  private enlarged?: Picture;
  private seed = 0;
  /** How often it was chosen, by whomever. */
  private choices = 0;
  /** A photo whose light and colours are taken. */
  private style?: Picture;
  private saving?: number;
  private asked = false;

  constructor(
    private readonly base: string,
    private readonly manifest: Manifest,
    private readonly sketch: Sketch,
  ) {
    this.board = new Board(byId('stage'), byId('sheet'), byId('sketch'), byId('ring'), sketch, this.settings, {
      drawn: () => this.repaint(),
      stepped: () => this.stepped(),
      picked: (c) => this.choose(c),
      say: (text) => this.say(text),
    });
    this.makePalette();
    this.makeStarters();
    this.listen();
    this.choose(this.settings.class);
    const engine = new URL(location.href).searchParams.get('engine') ?? undefined;
    this.client = new Client(base, {
      fetching: (done, total) => this.showProgress(done, total),
      ready: (name) => {
        byId('engine').textContent = name;
      },
      painting: () => this.showBusy(),
      painted: (result) => this.painted(result),
      failed: (message, paints) => this.fail(message, paints),
    });
    this.client.start(base, manifest, engine);
    byId('noise').hidden = !manifest.seeded;
    byId('style').hidden = !manifest.style;
    byId('enlarge').hidden = !manifest.rcan;
  }

  /** What was kept, or the first starter. */
  async begin(): Promise<void> {
    const { height, width } = this.sketch;
    const stored = await kept(height, width, NUM_CLASSES);
    if (stored) {
      this.sketch.labels.set(stored.labels);
      this.sketch.below.set(stored.below);
      this.setSeed(stored.seed);
    } else {
      const labels = drawn(STARTERS[0], this.sketch);
      this.sketch.labels.set(labels);
      this.sketch.below.set(labels);
    }
    this.board.redraw();
    if (!stored) await this.relight();
    this.repaint();
  }

  // ---------------------------------------------------------------- painting

  /** At most once a frame, however fast the pen is. */
  private repaint(): void {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      const { labels, height, width } = this.sketch;
      this.client.paint({ labels: labels.slice(), height, width, seed: this.seed, style: this.style });
    });
  }

  private painted({ views, milliseconds, tensors }: Painted): void {
    this.views = views;
    this.enlarged = undefined;
    byId('loading').hidden = true;
    this.showBusy();
    byId('time').textContent = seconds(milliseconds);
    for (const input of document.querySelectorAll<HTMLInputElement>('input[name="view"]')) {
      input.parentElement!.hidden = input.value === 'classes' ? !views.some((v) => v.class !== undefined) : !views.some((v) => v.name === input.value);
    }
    this.showView();
    // For tests, and whoever opens the console.
    document.body.dataset.tensors = String(tensors);
    document.body.dataset.paintings = String(Number(document.body.dataset.paintings ?? 0) + 1);
  }

  private showView(): void {
    const name = chosen('view');
    const classes = name === 'classes';
    byId('classes').hidden = !classes;
    byId('painting').hidden = classes;
    byId('scale').hidden = !name.endsWith('weight');
    byId('about').textContent = ABOUT[name];
    byId('frame').classList.toggle('weights', name.endsWith('weight'));
    if (classes) return this.showClasses();
    const view = this.views.find((v) => v.name === name) ?? this.views[0];
    if (!view) return;
    const canvas = byId<HTMLCanvasElement>('painting');
    put(canvas, name === 'painting' ? (this.enlarged ?? view.picture) : view.picture);
    canvas.setAttribute('aria-label', `${view.title} of the sketch. Enter opens the kernels at its middle.`);
  }

  private showClasses(): void {
    const figures = this.views
      .filter((view) => view.class !== undefined)
      .map((view) => {
        const canvas = make('canvas', { 'aria-hidden': 'true' });
        put(canvas, view.picture);
        return make('figure', {}, canvas, make('figcaption', {}, swatch(view.class!), ` ${view.title}`));
      });
    byId('classes').replaceChildren(...figures);
  }

  private async enlarge(): Promise<void> {
    const of = this.views;
    const button = byId<HTMLButtonElement>('enlarge');
    button.disabled = true;
    try {
      const { picture, milliseconds } = await this.client.enlarge();
      if (of !== this.views) return;
      this.enlarged = picture;
      byId('time').textContent = `×2 in ${seconds(milliseconds)}`;
      check('view', 'painting');
      this.showView();
    } catch (e) {
      this.remark(sentence(e));
    } finally {
      button.disabled = false;
    }
  }

  private async explain(x: number, y: number): Promise<void> {
    if (!this.views.length) return;
    const dialog = byId<HTMLDialogElement>('explorer');
    const frame = byId<HTMLIFrameElement>('explorer-frame');
    try {
      const data = await this.client.explain(x, y);
      const ready = new Promise<void>((resolve) => {
        const heard = ({ source, data: message }: MessageEvent) => {
          if (source !== frame.contentWindow || message !== 'explorer ready') return;
          removeEventListener('message', heard);
          resolve();
        };
        addEventListener('message', heard);
      });
      frame.src = 'explorer.html';
      if (!dialog.open) dialog.showModal();
      await ready;
      frame.contentWindow?.postMessage({ ...data, theme: document.documentElement.dataset.theme }, location.origin);
    } catch (e) {
      this.remark(sentence(e));
    }
  }

  private showBusy(): void {
    byId('status').classList.toggle('busy', this.client.busy);
  }

  private setSeed(seed: number): void {
    this.choices++;
    this.seed = Math.min(LARGEST_SEED, Math.max(0, Math.floor(seed) || 0));
    byId<HTMLInputElement>('seed').value = String(this.seed);
  }

  /** A new sketch gets the light of a scene like it, which stays while one draws. */
  private async relight(): Promise<void> {
    if (!this.manifest.style) return;
    const { choices } = this;
    const { labels, height, width } = this.sketch;
    // What fails here fails in painting, too, and is told there.
    const asked = this.client.near({ labels: labels.slice(), height, width }).catch(() => undefined);
    this.showBusy();
    const seed = await asked;
    this.showBusy();
    if (seed === undefined || choices !== this.choices) return;
    this.setSeed(seed);
    this.save();
  }

  private another(): void {
    this.setSeed(crypto.getRandomValues(new Uint32Array(1))[0] % 100_000);
    this.repaint();
    this.save();
  }

  // ---------------------------------------------------------------- the sketch

  private stepped(): void {
    byId<HTMLButtonElement>('undo').disabled = !this.sketch.canUndo;
    byId<HTMLButtonElement>('redo').disabled = !this.sketch.canRedo;
    this.save();
  }

  private travel(way: 'undo' | 'redo'): void {
    const area = this.sketch[way]();
    if (!area) return;
    this.board.redraw(area);
    this.repaint();
    this.stepped();
    this.say(way === 'undo' ? 'Undone.' : 'Done again.');
  }

  private replace(labels: Uint8Array): void {
    this.sketch.replace(labels);
    this.board.redraw();
    void this.relight().then(() => this.repaint());
    this.stepped();
  }

  private save(): void {
    clearTimeout(this.saving);
    this.saving = window.setTimeout(() => void this.saveNow(), 300);
  }

  private saveNow(): Promise<void> {
    const { labels, below, height, width } = this.sketch;
    return keep({ labels, below, height, width, seed: this.seed });
  }

  private choose(c: number): void {
    this.settings.class = c;
    check('class', String(c));
    byId('current').replaceChildren(swatch(c), CLASS_NAMES[c]);
    // A class is chosen to be drawn.
    if (this.settings.tool === 'pick' || this.settings.tool === 'eraser') this.chooseTool('brush');
  }

  private chooseTool(tool: Tool): void {
    this.settings.tool = tool;
    check('tool', tool);
  }

  private setSize(size: number): void {
    const input = byId<HTMLInputElement>('size');
    input.value = String(size);
    this.settings.size = Number(input.value);
  }

  // ---------------------------------------------------------------- files

  private async open(file: File): Promise<void> {
    try {
      const { labels, remarks } = await this.client.read(file, this.sketch.height, this.sketch.width);
      this.replace(labels);
      if (remarks.length) this.remark(`${file.name}: ${remarks.join(' ')}`);
      else this.hideRemark();
    } catch (e) {
      this.remark(sentence(e));
    }
  }

  /** A photo of the user's, at an address that `use` has to give back. */
  private withPhoto(file: File, use: (address: string, photo: HTMLImageElement) => void): void {
    const address = URL.createObjectURL(file);
    const refuse = (why: string) => {
      URL.revokeObjectURL(address);
      this.remark(`${file.name}: ${why}`);
    };
    // Its size is known before its pixels are unpacked.
    const probe = new Image();
    probe.onerror = () => refuse('this is no photo that the browser can show.');
    probe.onload = () => {
      const { naturalWidth, naturalHeight } = probe;
      if (naturalWidth * naturalHeight > MAX_PHOTO_PIXELS) return refuse(`${naturalWidth} x ${naturalHeight} pixels are too many; scale it down.`);
      this.hideRemark();
      use(address, probe);
    };
    probe.src = address;
  }

  private trace(file: File): void {
    this.withPhoto(file, (address) => {
      const photo = byId<HTMLImageElement>('photo');
      if (photo.src) URL.revokeObjectURL(photo.src);
      photo.src = address;
      photo.hidden = false;
      byId('tracing').hidden = false;
      this.setOpacity();
    });
  }

  private takeStyle(file: File): void {
    this.withPhoto(file, (address, photo) => {
      const [height, width] = this.manifest.imageSize;
      const canvas = make('canvas', { width: String(width), height: String(height) });
      const context = is2d(canvas);
      context.imageSmoothingQuality = 'high';
      context.drawImage(photo, 0, 0, width, height);
      URL.revokeObjectURL(address);
      this.setStyle({ data: context.getImageData(0, 0, width, height).data, height, width });
    });
  }

  private setStyle(style?: Picture): void {
    this.style = style;
    byId('own-style').hidden = !style;
    this.repaint();
  }

  private setOpacity(): void {
    byId('photo').style.opacity = String(Number(byId<HTMLInputElement>('opacity').value) / 100);
  }

  private async saveLabels(): Promise<void> {
    const { labels, height, width } = this.sketch;
    download(await this.client.write({ labels: labels.slice(), height, width }), 'labels.png');
  }

  private async savePainting(): Promise<void> {
    const picture = this.enlarged ?? this.views[0]?.picture;
    if (!picture) return;
    const canvas = make('canvas');
    put(canvas, picture);
    download(await canvasPng(canvas), 'painting.png');
  }

  private async saveBoth(): Promise<void> {
    const picture = this.enlarged ?? this.views[0]?.picture;
    if (!picture) return;
    const { height, width } = this.sketch;
    const both = make('canvas', { width: String(2 * width), height: String(height) });
    const context = is2d(both);
    context.drawImage(byId<HTMLCanvasElement>('sketch'), 0, 0);
    const painting = make('canvas');
    put(painting, picture);
    context.imageSmoothingQuality = 'high';
    context.drawImage(painting, width, 0, width, height);
    download(await canvasPng(both), 'side_by_side.png');
  }

  // ---------------------------------------------------------------- controls

  private makePalette(): void {
    for (const { title, classes } of GROUPS) {
      const labels = classes.map((name) => {
        const c = classOf(name);
        const key = keyOf(c);
        const input = make('input', { type: 'radio', name: 'class', value: String(c) });
        input.addEventListener('change', () => this.choose(c));
        return make('label', {}, input, swatch(c), make('span', {}, name), ...(key ? [make('kbd', { 'aria-hidden': 'true' }, key)] : []));
      });
      byId('groups').append(make('fieldset', {}, make('legend', {}, title), ...labels));
    }
  }

  private search(query: string): void {
    const shown = new Set(found(query));
    for (const label of document.querySelectorAll<HTMLLabelElement>('#groups label')) {
      label.hidden = !shown.has(Number(label.querySelector('input')!.value));
    }
    for (const group of document.querySelectorAll<HTMLElement>('#groups fieldset')) group.hidden = !group.querySelector('label:not([hidden])');
    byId('nothing').hidden = shown.size > 0;
  }

  private makeStarters(): void {
    const size = { height: Math.round((96 * this.sketch.height) / this.sketch.width), width: 96 };
    for (const starter of STARTERS) {
      const canvas = make('canvas', { 'aria-hidden': 'true' });
      const data = new Uint8ClampedArray(4 * size.height * size.width);
      drawn(starter, size).forEach((c, i) => data.set([...COLOURS[c], 255], 4 * i));
      put(canvas, { data, ...size });
      const button = make('button', { type: 'button' }, canvas, starter.title);
      button.addEventListener('click', () => this.replace(drawn(starter, this.sketch)));
      byId('starters').append(button);
    }
  }

  private listen(): void {
    const click = (id: string, f: () => unknown) => byId(id).addEventListener('click', () => void f());
    const input = (id: string, f: (value: string) => void) =>
      byId<HTMLInputElement>(id).addEventListener('input', ({ target }) => f((target as HTMLInputElement).value));
    const file = (id: string, f: (file: File) => unknown) =>
      byId<HTMLInputElement>(id).addEventListener('change', ({ target }) => {
        const [first] = (target as HTMLInputElement).files ?? [];
        if (first) void f(first);
        // The same file may be chosen again.
        (target as HTMLInputElement).value = '';
      });
    for (const tool of document.querySelectorAll<HTMLInputElement>('input[name="tool"]'))
      tool.addEventListener('change', () => this.chooseTool(tool.value as Tool));
    for (const view of document.querySelectorAll('input[name="view"]')) view.addEventListener('change', () => this.showView());
    input('size', (value) => this.setSize(Number(value)));
    input('opacity', () => this.setOpacity());
    input('search', (value) => this.search(value));
    byId('search').addEventListener('keydown', ({ key, target }) => {
      const [first] = found((target as HTMLInputElement).value);
      if (key === 'Enter' && first !== undefined) this.choose(first);
    });
    byId('seed').addEventListener('change', () => {
      this.setSeed(Number(byId<HTMLInputElement>('seed').value));
      this.repaint();
      this.save();
    });
    click('undo', () => this.travel('undo'));
    click('redo', () => this.travel('redo'));
    click('zoom-in', () => this.board.zoomBy(1.5));
    click('zoom-out', () => this.board.zoomBy(1 / 1.5));
    click('zoom-fit', () => this.board.fit());
    byId('stage').addEventListener('zoomed', () => {
      byId('zoom-fit').textContent = `${this.board.percent} %`;
      byId('zoom-fit').setAttribute('aria-label', `Zoom: ${this.board.percent} per cent, show all`);
    });
    click('another', () => this.another());
    click('enlarge', () => this.enlarge());
    click('take-style', () => byId('style-file').click());
    click('own-style', () => this.setStyle());
    file('style-file', (f) => this.takeStyle(f));
    click('open', () => byId('open-file').click());
    click('trace', () => byId('trace-file').click());
    click('untrace', () => {
      byId('photo').hidden = byId('tracing').hidden = true;
    });
    file('open-file', (f) => this.open(f));
    file('trace-file', (f) => this.trace(f));
    click('save-painting', () => this.savePainting());
    click('save-labels', () => this.saveLabels());
    click('save-both', () => this.saveBoth());
    click('remark-close', () => this.hideRemark());
    click('explorer-close', () => byId<HTMLDialogElement>('explorer').close());
    const painting = byId('painting');
    painting.addEventListener('click', (event) => {
      const box = painting.getBoundingClientRect();
      void this.explain((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    });
    painting.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        void this.explain(0.5, 0.5);
      }
    });
    addEventListener('keydown', (event) => this.press(event));
    addEventListener('visibilitychange', () => {
      if (document.hidden) void this.saveNow();
    });
  }

  private press(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    const typing = target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && ['search', 'number', 'text'].includes(target.type));
    if (event.altKey || event.defaultPrevented || typing || byId<HTMLDialogElement>('explorer').open) return;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (key === 'z') this.travel(event.shiftKey ? 'redo' : 'undo');
      else if (key === 'y') this.travel('redo');
      else return;
    } else if (TOOL_KEYS[key]) this.chooseTool(TOOL_KEYS[key]);
    else if (/^\d$/.test(key)) this.choose(classOf(KEYED[(Number(key) + 9) % 10]));
    else if (key === '[') this.setSize(this.settings.size / 1.25);
    else if (key === ']') this.setSize(Math.ceil(this.settings.size * 1.25));
    else if (key === '+') this.board.zoomBy(1.5);
    else if (key === '-') this.board.zoomBy(1 / 1.5);
    else if (key === 'n' && this.manifest.seeded) this.another();
    else if (key === 'x' && this.manifest.rcan) void this.enlarge();
    else return;
    event.preventDefault();
  }

  // ---------------------------------------------------------------- words

  private showProgress(done: number, total: number): void {
    byId<HTMLProgressElement>('loading-bar').value = done / total;
    byId('loading-text').textContent = done < total ? `Fetching the network: ${megabytes(done)} of ${megabytes(total)}` : 'Getting ready…';
  }

  private say(text: string): void {
    byId('say').textContent = text;
  }

  private remark(text: string): void {
    byId('remark-text').textContent = text;
    byId('remark').hidden = false;
  }

  private hideRemark(): void {
    byId('remark').hidden = true;
  }

  private fail(message: string, paints: boolean): void {
    byId('status').classList.remove('busy');
    showFailure(message);
    if (paints) return;
    byId('loading').hidden = true;
    byId('engine').textContent = 'not painting';
    byId('time').textContent = '';
  }
}

function showFailure(message: string): void {
  byId('failure').textContent = message;
  byId('failure').hidden = false;
}

/** A picture on a canvas, at its own size. */
function put(canvas: HTMLCanvasElement, { data, height, width }: Picture): void {
  Object.assign(canvas, { height, width });
  is2d(canvas).putImageData(new ImageData(data, width, height), 0, 0);
}

function swatch(c: number): HTMLElement {
  const box = make('span', { class: 'swatch', 'aria-hidden': 'true' });
  box.style.background = CLASSES[c].colour;
  return box;
}

const chosen = (name: string) => document.querySelector<HTMLInputElement>(`input[name="${name}"]:checked`)!.value;
function check(name: string, value: string): void {
  const input = document.querySelector<HTMLInputElement>(`input[name="${name}"][value="${value}"]`);
  if (input) input.checked = true;
}
const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(2)} s`;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
const sentence = (e: unknown) => (e instanceof Error ? e.message : String(e));

async function start(): Promise<void> {
  byId('theme').addEventListener('change', ({ target }) => (document.documentElement.dataset.theme = (target as HTMLSelectElement).value));
  if (location.protocol === 'file:')
    throw new Error('Open this page through a web server: a browser does not let a page from a file fetch the network beside it.');
  const base = new URL('.', location.href).href;
  const response = await fetch('studio.json');
  if (!response.ok) throw new Error(`studio.json, which lies beside this page, could not be fetched: the server says ${response.status}.`);
  const manifest = (await response.json()) as Manifest;
  const [height, width] = manifest.imageSize;
  const factor = Math.max(1, Math.round(COLUMNS / width));
  const studio = new Studio(base, manifest, new Sketch(height * factor, width * factor));
  await studio.begin();
}

start().catch((e) => {
  byId('loading').hidden = true;
  showFailure(sentence(e));
});
