/**
 * The script of the SAU explorer's page: plain JavaScript for the browser, without a library and without a network.
 * What it shows lies in the page's two data elements, written by `sau_explorer.ts`: `#description` (JSON) and `#planes` (bytes, packed by
 * `pack.ts`).
 */
(() => {
  'use strict';

  const SIDE = 5;
  const TAPS = SIDE * SIDE;
  /** Pixels of the picture that are shown around a window. */
  const RING = 1;
  const SHOWN = SIDE + 2 * RING;
  /** Size of a pixel in a window's drawing. */
  const CELL = 100;
  const NO_CLASS = 255;
  const UNIFORM_BITS = Math.log2(TAPS);
  const SVG = 'http://www.w3.org/2000/svg';
  const NOT_A_NUMBER = [128, 128, 128];

  const byId = (id) => document.getElementById(id);

  /** An element with attributes and children. */
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  function makeSvg(tag, attributes = {}, ...children) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // ---------------------------------------------------------------- data

  /** The bytes that `pack.ts` wrote: base64 of a deflate stream. */
  async function inflate(base64) {
    const packed = Uint8Array.from(atob(base64.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Response(packed).body.pipeThrough(new DecompressionStream('deflate'));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  /** Cuts the bytes into planes: each is a byte that says how its samples are predicted, and what they differ by from that. */
  function planeReader(bytes) {
    let offset = 0;
    return (width, height) => {
      const step = bytes[offset];
      const plane = bytes.slice(offset + 1, offset + 1 + width * height);
      offset += 1 + width * height;
      if (step) restore(plane, width, height, step);
      return plane;
    };
  }

  /** Adds the prediction to every sample: the median of left, above and left + above - corner, `step` pixels away. */
  function restore(plane, width, height, step) {
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const left = x >= step ? plane[i - step] : -1;
        const above = y >= step ? plane[i - step * width] : -1;
        let guess = Math.max(left, above, 0);
        if (left >= 0 && above >= 0) {
          const low = Math.min(left, above);
          guess = Math.max(low, Math.min(guess, left + above - plane[i - step * width - step]));
        }
        plane[i] = (plane[i] + guess) & 255;
      }
    }
  }

  /** The label map, the pictures, and the four SAUs with their kernels still in bytes. */
  function readData(description, bytes) {
    const { width, height, classes, pictures, saus, levels, decimals } = description;
    const next = planeReader(bytes);
    const labels = next(width, height);
    const palette = classes.map(({ colour }) => rgbOf(colour));
    const painted = pictures.map(({ name, channels }) => ({ name, planes: Array.from({ length: channels }, () => next(width, height)) }));
    return {
      width,
      height,
      classes,
      labels,
      palette,
      pictures: painted,
      levels,
      decimals,
      saus: saus.map((sau) => ({
        ...sau,
        /** Side of one of its pixels, in pixels of the picture. */
        factor: width / sau.width,
        labels: fitted(labels, width, height, sau),
        planes: Array.from({ length: TAPS }, () => next(sau.width, sau.height)),
      })),
    };
  }

  /** The label map at the size of a SAU: the pixel under the corner. */
  function fitted(labels, width, height, sau) {
    const map = new Uint8Array(sau.width * sau.height);
    for (let y = 0, i = 0; y < sau.height; y++) {
      const row = Math.floor((y * height) / sau.height) * width;
      for (let x = 0; x < sau.width; x++, i++) map[i] = labels[row + Math.floor((x * width) / sau.width)];
    }
    return map;
  }

  function rgbOf(hex) {
    const n = Number.parseInt(hex.slice(1), 16);
    return [n >> 16, (n >> 8) & 255, n & 255];
  }

  /** The 25 weights of pixel (x, y) of a SAU. Their square roots are stored, in steps of their own for each tap; they sum to 1. */
  function weightsAt(data, sau, x, y) {
    const i = y * sau.width + x;
    const weights = new Array(TAPS);
    let sum = 0;
    for (let k = 0; k < TAPS; k++) {
      const root = sau.low[k] + ((sau.high[k] - sau.low[k]) * sau.planes[k][i]) / data.levels;
      weights[k] = root * root;
      sum += weights[k];
    }
    for (let k = 0; k < TAPS; k++) weights[k] /= sum;
    return weights;
  }

  /** Everything that is said about a pixel: its weights, the class of each tap (undefined outside), shares and entropy. */
  function kernelAt(data, sau, x, y) {
    const weights = weightsAt(data, sau, x, y);
    const classes = new Array(TAPS).fill(undefined);
    const own = sau.labels[y * sau.width + x];
    let [ownClass, ownTaps, entropy] = [0, 0, 0];
    for (let k = 0; k < TAPS; k++) {
      const tx = x + (k % SIDE) - 2;
      const ty = y + Math.floor(k / SIDE) - 2;
      if (tx >= 0 && tx < sau.width && ty >= 0 && ty < sau.height) classes[k] = sau.labels[ty * sau.width + tx];
      if (weights[k] > 0) entropy -= weights[k] * Math.log2(weights[k]);
      if (classes[k] !== own) continue;
      ownClass += weights[k];
      ownTaps++;
    }
    return { x, y, weights, classes, ownClass: own === NO_CLASS ? NaN : ownClass, ownTaps, entropy };
  }

  // ---------------------------------------------------------------- colours

  /** A picture's pixels as RGBA, from f(pixel) = [r, g, b]. */
  function rgba(count, f) {
    const out = new Uint8ClampedArray(4 * count);
    for (let i = 0; i < count; i++) {
      const [r, g, b] = f(i);
      out[4 * i] = r;
      out[4 * i + 1] = g;
      out[4 * i + 2] = b;
      out[4 * i + 3] = 255;
    }
    return out;
  }

  function colourMap(hex) {
    const table = Array.from({ length: 256 }, (_, i) => rgbOf(`#${hex.slice(6 * i, 6 * i + 6)}`));
    return (t) => (Number.isNaN(t) ? NOT_A_NUMBER : table[Math.round(255 * Math.min(1, Math.max(0, t)))]);
  }

  const css = ([r, g, b]) => `rgb(${r},${g},${b})`;

  /** Black or white, whichever stands out more (WCAG 2 relative luminance). */
  function inkOn(colour) {
    const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? '#000' : '#fff';
  }

  /** Pixels on a canvas; where there is none to draw on, nothing. */
  function paint(canvas, pixels, width, height) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext('2d');
    if (context) context.putImageData(new ImageData(pixels, width, height), 0, 0);
  }

  // ---------------------------------------------------------------- texts

  const percent = (share) => (Number.isNaN(share) ? '–' : `${(100 * share).toFixed(1)}\u00a0%`);

  /** A weight in per cent with at most three digits; `decimals` as far as the stored weights are exact. */
  function weightText(weight, decimals) {
    const value = 100 * weight;
    if (value < 0.005) return '0';
    if (value < 0.995) return value.toFixed(2);
    return value < 9.95 ? value.toFixed(decimals) : value.toFixed(0);
  }

  function nameOf(data, c) {
    if (c === undefined) return 'outside';
    return c === NO_CLASS ? 'not labelled' : data.classes[c].name;
  }

  /** The colour of a class; outside of the map there is none. */
  function colourOf(data, c) {
    if (c === undefined) return undefined;
    return c === NO_CLASS ? '#ffffff' : data.classes[c].colour;
  }

  // ---------------------------------------------------------------- the drawing of a window

  /** One kernel over its neighbourhood: made once, then only changed. */
  class KernelView {
    constructor(page, sau) {
      this.page = page;
      this.sau = sau;
      this.canvas = make('canvas', { 'aria-hidden': 'true' });
      this.svg = makeSvg('svg', { viewBox: `0 0 ${SHOWN * CELL} ${SHOWN * CELL}`, role: 'img' });
      this.cells = Array.from({ length: TAPS }, (_, k) => new TapView(this.svg, k));
      this.grid = makeSvg('path', { class: 'source' });
      const middle = { x: (RING + 2) * CELL + 5, y: (RING + 2) * CELL + 5, width: CELL - 10, height: CELL - 10 };
      this.svg.append(this.grid, makeSvg('rect', { ...middle, class: 'middle-rim' }), makeSvg('rect', { ...middle, class: 'middle' }));
      this.numbers = make('p', { class: 'numbers' });
      this.classes = make('tbody');
      const head = make('tr', {}, ...['class', 'taps', 'weight'].map((text) => make('th', { scope: 'col' }, text)));
      const table = make('table', {}, make('thead', {}, head), this.classes);
      const caption = make('figcaption', {}, `${sau.name} `, make('span', { class: 'quiet' }, `${sau.width}×${sau.height}`));
      this.element = make('figure', { class: 'kernel' }, caption, make('div', { class: 'window' }, this.canvas, this.svg), this.numbers, table);
    }

    /** Shows the kernel of the pixel that lies over (x, y) of the picture. */
    update(x, y) {
      const { data } = this.page;
      const { sau } = this;
      const kernel = kernelAt(data, sau, Math.floor(x / sau.factor), Math.floor(y / sau.factor));
      kernel.weights.forEach((weight, k) => {
        const c = kernel.classes[k];
        this.cells[k].update(weight, data.decimals, this.page.colourOfWeight(weight), nameOf(data, c), colourOf(data, c));
      });
      this.grid.setAttribute('d', sourceGrid(kernel.x, kernel.y));
      const numbers = [
        `own class ${percent(kernel.ownClass)}`,
        `a uniform window ${percent(Number.isNaN(kernel.ownClass) ? NaN : kernel.ownTaps / TAPS)}`,
        `entropy ${kernel.entropy.toFixed(2)} of ${UNIFORM_BITS.toFixed(2)} bits`,
      ];
      this.numbers.replaceChildren(...numbers.map((text) => make('span', {}, text)));
      this.svg.setAttribute('aria-label', `Kernel of SAU ${sau.name} at column ${kernel.x}, row ${kernel.y}: ${numbers.join(', ')}`);
      this.listClasses(kernel);
      this.paintNeighbourhood(kernel);
    }

    /** What each class gets, largest first. */
    listClasses({ classes, weights }) {
      const { data } = this.page;
      const shares = new Map();
      classes.forEach((c, k) => {
        const entry = shares.get(c) ?? { taps: 0, weight: 0 };
        shares.set(c, { taps: entry.taps + 1, weight: entry.weight + weights[k] });
      });
      const rows = [...shares].sort((a, b) => b[1].weight - a[1].weight);
      this.classes.replaceChildren(
        ...rows.map(([c, { taps, weight }]) => {
          const name = make('th', { scope: 'row' }, swatch(colourOf(data, c)), nameOf(data, c));
          return make('tr', {}, name, make('td', {}, String(taps)), make('td', {}, percent(weight)));
        }),
      );
    }

    /** The picture under the window and around it, in its own pixels. */
    paintNeighbourhood({ x, y }) {
      const { background, data } = this.page;
      const { factor } = this.sau;
      const side = SHOWN * factor;
      const [left, top] = [(x - 2 - RING) * factor, (y - 2 - RING) * factor];
      const pixels = new Uint8ClampedArray(4 * side * side);
      for (let row = 0; row < side; row++) {
        for (let column = 0; column < side; column++) {
          const [px, py] = [left + column, top + row];
          if (px < 0 || py < 0 || px >= data.width || py >= data.height) continue;
          const from = 4 * (py * data.width + px);
          pixels.set(background.pixels.subarray(from, from + 4), 4 * (row * side + column));
        }
      }
      paint(this.canvas, pixels, side, side);
    }
  }

  /** One tap: a plate in the weight's colour with its number, the class in the corner. */
  class TapView {
    constructor(svg, k) {
      const x = (RING + (k % SIDE)) * CELL;
      const y = (RING + Math.floor(k / SIDE)) * CELL;
      this.title = makeSvg('title');
      this.plate = makeSvg('rect', { x: x + 7, y: y + 7, width: CELL - 14, height: CELL - 14, rx: 6 });
      this.corner = makeSvg('rect', { x: x + 13, y: y + 13, width: 22, height: 22, class: 'corner' });
      this.cross = makeSvg('path', { d: `M${x + 13} ${y + 13}l22 22m0 -22l-22 22`, class: 'cross' });
      this.number = makeSvg('text', { x: x + CELL / 2, y: y + 77, class: 'weight' });
      svg.append(makeSvg('g', {}, this.title, this.plate, this.corner, this.cross, this.number));
    }

    update(weight, decimals, colour, name, classColour) {
      const ink = inkOn(colour);
      this.plate.setAttribute('fill', css(colour));
      this.number.textContent = weightText(weight, decimals);
      this.number.setAttribute('fill', ink);
      this.corner.setAttribute('fill', classColour ?? 'none');
      this.corner.setAttribute('stroke', classColour ? ink : 'none');
      this.cross.setAttribute('stroke', classColour ? 'none' : ink);
      this.title.textContent = `${name}: ${(100 * weight).toFixed(2)} %`;
    }
  }

  /** Lines around every 2x2 pixels that were one pixel before upsampling, and around the window, which may cut them. */
  function sourceGrid(x, y) {
    const line = (at, horizontal) => {
      const from = RING * CELL;
      const across = (RING + at) * CELL;
      return horizontal ? `M${from} ${across}h${SIDE * CELL}` : `M${across} ${from}v${SIDE * CELL}`;
    };
    const lines = [];
    for (let at = 0; at <= SIDE; at++) {
      const end = at === 0 || at === SIDE;
      if (end || (x + at) % 2 === 0) lines.push(line(at, false));
      if (end || (y + at) % 2 === 0) lines.push(line(at, true));
    }
    return lines.join('');
  }

  /** A square of a class's colour; crossed out where there is no class. */
  function swatch(colour) {
    const box = make('span', { class: colour ? 'swatch' : 'swatch none', 'aria-hidden': 'true' });
    if (colour) box.style.background = colour;
    return box;
  }

  // ---------------------------------------------------------------- the page

  class Explorer {
    constructor(description, bytes) {
      this.data = readData(description, bytes);
      this.scale = description.scale;
      this.viridis = colourMap(description.viridis);
      this.point = { x: description.start.x, y: description.start.y };
      this.pins = [];
      /** Index of the shown SAU, or undefined for all. */
      this.sau = this.firstSau = description.saus.findIndex((sau) => sau.name === description.main);
      this.backgrounds = backgroundsOf(this);
      this.backgroundIndex = 0;
      this.stage = byId('stage');
      this.panels = [];
      this.makeControls();
      this.listen();
      this.drawBackground();
      this.draw();
    }

    get shownSaus() {
      return this.sau === undefined ? this.data.saus : [this.data.saus[this.sau]];
    }

    /** The SAU that backgrounds of one SAU are about. */
    get mainSau() {
      return this.data.saus[this.sau ?? this.firstSau];
    }

    /** By the root, as small weights differ most from each other by factors. */
    colourOfWeight(weight) {
      return this.viridis(Math.sqrt(weight / this.scale));
    }

    /** How far an arrow key goes: a pixel of the finest SAU that is shown. */
    get step() {
      return Math.min(...this.shownSaus.map((s) => s.factor));
    }

    /** Points that have a panel: the pinned ones, and the moving one while there is room. */
    get points() {
      return this.pins.length < 2 ? [...this.pins, this.point] : this.pins;
    }

    makeControls() {
      const choice = (name, list, chosen, onChoice) => {
        list.forEach((text, i) => {
          const input = make('input', { type: 'radio', name, value: String(i) });
          input.checked = i === chosen;
          input.addEventListener('change', () => onChoice(i));
          byId(name).append(make('label', {}, input, make('span', {}, text)));
        });
      };
      const names = this.data.saus.map((s) => s.name);
      choice('saus', [...names, 'all four'].slice(0, names.length === 4 ? 5 : names.length), this.sau, (i) => this.chooseSau(i));
      choice(
        'backgrounds',
        this.backgrounds.map((b) => b.name),
        this.backgroundIndex,
        (i) => this.chooseBackground(i),
      );
      byId('theme').addEventListener('change', ({ target }) => (document.documentElement.dataset.theme = target.value));
      for (const { c, share } of presentClasses(this.data.labels)) {
        const quiet = make('span', { class: 'quiet' }, percent(share));
        byId('legend').append(make('li', {}, swatch(colourOf(this.data, c)), `${nameOf(this.data, c)} `, quiet));
      }
      const ramp = Array.from({ length: 17 }, (_, i) => css(this.viridis(i / 16))).join();
      for (const bar of document.querySelectorAll('.bar')) bar.style.background = `linear-gradient(to right,${ramp})`;
      // The middle of a scale of roots is a quarter of its end.
      byId('scale-middle').textContent = percent(this.scale / 4);
      byId('scale-end').textContent = percent(this.scale);
    }

    listen() {
      const { stage } = this;
      stage.addEventListener('pointermove', (event) => this.moveTo(this.under(event)));
      stage.addEventListener('click', (event) => {
        // A click by a screen reader has no place.
        if (event.detail !== 0) this.moveTo(this.under(event));
        this.pin();
      });
      stage.addEventListener('keydown', (event) => {
        if (event.altKey || event.ctrlKey || event.metaKey || !this.press(event.key, event.shiftKey)) return;
        event.preventDefault();
      });
    }

    /** The pixel of the picture under a pointer. */
    under({ clientX, clientY }) {
      const box = this.stage.getBoundingClientRect();
      const { width, height } = this.data;
      return { x: Math.floor(((clientX - box.left) / box.width) * width), y: Math.floor(((clientY - box.top) / box.height) * height) };
    }

    /** Does what a key stands for; says whether it stands for anything. */
    press(key, shift) {
      const far = this.step * (shift ? 8 : 1);
      const moves = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
      if (moves[key]) {
        const [dx, dy] = moves[key];
        this.moveTo({ x: this.point.x + dx, y: this.point.y + dy });
        this.say();
      } else if (key === 'Enter' || key === ' ') this.pin();
      else if (key === 'Escape' && this.pins.length) this.letGo();
      else if (/^[0-4]$/.test(key)) this.check('saus', key === '0' ? 4 : Number(key) - 1);
      else if (key === 'b' || key === 'B') {
        const { length } = this.backgrounds;
        this.check('backgrounds', (this.backgroundIndex + (shift ? length - 1 : 1)) % length);
      } else return false;
      return true;
    }

    /** Chooses as if the control had been clicked. */
    check(name, index) {
      document.querySelector(`input[name="${name}"][value="${index}"]`)?.click();
    }

    moveTo({ x, y }) {
      const inside = (value, size) => Math.min(size - 1, Math.max(0, value));
      const point = { x: inside(x, this.data.width), y: inside(y, this.data.height) };
      if (point.x === this.point.x && point.y === this.point.y) return;
      this.point = point;
      this.draw();
    }

    /** Pins the moving point; with two pinned, lets go of both. */
    pin() {
      if (this.pins.length === 2) return this.letGo();
      this.pins.push(this.point);
      this.draw();
      this.say(`Pinned as ${'AB'[this.pins.length - 1]}. `);
    }

    letGo() {
      this.pins = [];
      this.draw();
      this.say('No point is pinned. ');
    }

    chooseSau(index) {
      this.sau = index < this.data.saus.length ? index : undefined;
      if (this.backgrounds[this.backgroundIndex].ofSau) this.drawBackground();
      this.draw();
    }

    chooseBackground(index) {
      this.backgroundIndex = index;
      this.drawBackground();
      this.draw();
    }

    drawBackground() {
      const chosen = this.backgrounds[this.backgroundIndex];
      this.background = chosen.draw(this.mainSau);
      paint(byId('picture'), this.background.pixels, this.data.width, this.data.height);
      const { range } = this.background;
      byId('range').hidden = !range;
      if (!range) return;
      byId('range-name').textContent = chosen.ofSau ? `${chosen.name} of ${this.mainSau.name}:` : `${chosen.name}:`;
      byId('range-start').textContent = range[0];
      byId('range-end').textContent = range[1];
    }

    draw() {
      const { points, shownSaus } = this;
      // Panels are made anew only when other kernels are to be seen.
      const key = `${points.length} ${shownSaus.map((s) => s.name)}`;
      if (key !== this.panelKey) {
        this.panelKey = key;
        this.panels = points.map(() => new Panel(this, shownSaus));
        byId('points').replaceChildren(...this.panels.map((p) => p.element));
        document.body.classList.toggle('wide', points.length * shownSaus.length > 4);
      }
      this.panels.forEach((panel, i) => panel.update(points[i], this.letter(i)));
      this.drawMarks();
      const next = ['Click to pin this point.', 'Move, and click to pin a second point.', 'Click to let go of both points.'];
      byId('pins').textContent = next[this.pins.length];
    }

    /** What a point is called: A and B once something is pinned. */
    letter(i) {
      if (i < this.pins.length) return 'AB'[i];
      return '';
    }

    /** Windows of the points as frames on the picture. */
    drawMarks() {
      const { width, height } = this.data;
      const marks = byId('marks');
      marks.setAttribute('viewBox', `0 0 ${width} ${height}`);
      const moving = this.pins.length === 2 ? [] : [this.point];
      marks.replaceChildren(...[...this.pins, ...moving].flatMap((point, i) => this.framesOf(point, this.letter(i))));
    }

    framesOf({ x, y }, letter) {
      const factors = [...new Set(this.shownSaus.map((s) => s.factor))].sort((a, b) => b - a);
      const frames = factors.flatMap((f) => {
        const box = { x: (Math.floor(x / f) - 2) * f, y: (Math.floor(y / f) - 2) * f, width: SIDE * f, height: SIDE * f };
        return [makeSvg('rect', { ...box, class: 'frame-rim' }), makeSvg('rect', { ...box, class: letter ? 'frame pinned' : 'frame' })];
      });
      if (!letter) return frames;
      const [f] = factors;
      const { width, height } = this.data;
      const right = (Math.floor(x / f) + 3) * f + width / 24 < width;
      const baseline = Math.min(height - 1, Math.max(height / 16, y + height / 40));
      const at = { x: (Math.floor(x / f) + (right ? 3.3 : -2.3)) * f, y: baseline };
      const style = { class: 'letter', 'font-size': height / 16, 'text-anchor': right ? 'start' : 'end' };
      return [...frames, makeSvg('text', { ...at, ...style }, letter)];
    }

    /** Tells a screen reader where the point is and what its kernel does. */
    say(before = '') {
      const sau = this.mainSau;
      const { x, y } = this.point;
      const kernel = kernelAt(this.data, sau, Math.floor(x / sau.factor), Math.floor(y / sau.factor));
      byId('status').textContent =
        `${before}${nameOf(this.data, this.data.labels[y * this.data.width + x])} at column ${x}, row ${y}. ` +
        `${sau.name}: own class ${percent(kernel.ownClass)}, entropy ${kernel.entropy.toFixed(2)} bits.`;
    }
  }

  /** A point with its kernels. */
  class Panel {
    constructor(page, saus) {
      this.page = page;
      this.heading = make('h2');
      this.views = saus.map((sau) => new KernelView(page, sau));
      const kernels = make('div', { class: saus.length > 1 ? 'kernels several' : 'kernels' }, ...this.views.map((v) => v.element));
      this.element = make('section', { class: 'point' }, this.heading, kernels);
    }

    update({ x, y }, letter) {
      const { data } = this.page;
      const c = data.labels[y * data.width + x];
      const tag = letter ? [make('span', { class: 'tag' }, letter), ' '] : [];
      const place = make('span', { class: 'quiet place' }, `column ${x}, row ${y}`);
      this.heading.replaceChildren(...tag, swatch(colourOf(data, c)), nameOf(data, c), place);
      for (const view of this.views) view.update(x, y);
    }
  }

  function presentClasses(labels) {
    const counts = new Map();
    for (const c of labels) counts.set(c, (counts.get(c) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]).map(([c, n]) => ({ c, share: n / labels.length }));
  }

  /** What can lie behind the windows; `draw` gives its pixels and, for a map of numbers, the ends of its colour bar. */
  function backgroundsOf({ data, viridis }) {
    const { width } = data;
    const count = width * data.height;
    const pictures = data.pictures.map(({ name, planes }) => ({
      name,
      draw: () =>
        planes.length === 3
          ? { pixels: rgba(count, (i) => planes.map((p) => p[i])) }
          : { pixels: rgba(count, (i) => viridis(planes[0][i] / 255)), range: ['0', '1'] },
    }));
    const ofKernels = (name, value, ends) => ({
      name,
      ofSau: true,
      draw: (sau) => {
        const values = Array.from(sau.labels, (_, i) => value(kernelAt(data, sau, i % sau.width, Math.floor(i / sau.width))));
        const { low, high, text } = ends(values);
        const colours = values.map((v) => viridis((v - low) / (high - low || 1)));
        const under = (i) => Math.floor(Math.floor(i / width) / sau.factor) * sau.width + Math.floor((i % width) / sau.factor);
        return { pixels: rgba(count, (i) => colours[under(i)]), range: text };
      },
    });
    const bits = (values) => {
      const [low, high] = values.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [Infinity, 0]);
      return { low, high, text: [low.toFixed(2), `${high.toFixed(2)} bits`] };
    };
    return [
      { name: 'label map', draw: () => ({ pixels: rgba(count, (i) => data.palette[data.labels[i]] ?? [255, 255, 255]) }) },
      ...pictures,
      ofKernels(
        'own-class share',
        (kernel) => kernel.ownClass,
        () => ({ low: 0, high: 1, text: ['0', '100 %'] }),
      ),
      ofKernels('entropy', (kernel) => kernel.entropy, bits),
    ];
  }

  async function start() {
    try {
      const description = JSON.parse(byId('description').textContent);
      const explorer = new Explorer(description, await inflate(byId('planes').textContent));
      document.body.classList.add('ready');
      return { explorer, kernelAt: (sau, x, y) => kernelAt(explorer.data, explorer.data.saus[sau], x, y) };
    } catch (error) {
      byId('failure').hidden = false;
      throw error;
    }
  }

  /** For the console, and for tests: the kernels that the page holds. */
  window.sauExplorer = start();
})();
