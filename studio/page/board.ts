/** The board that one draws on: pointer, touch, pen and keyboard, and the part of the sketch that is seen. */
import { COLOURS } from '../drawing/palette';
import { capsule, flood, rectangle, type Point, type Span } from '../drawing/raster';
import type { Area, Sketch } from '../drawing/sketch';
import { is2d } from './dom';

export type Tool = 'brush' | 'line' | 'rectangle' | 'fill' | 'pick' | 'eraser';

export interface BoardSettings {
  tool: Tool;
  /** Class that is drawn. */
  class: number;
  /** Diameter of the brush, in pixels of the sketch. */
  size: number;
}

export interface BoardListener {
  /** Pixels changed; the stroke may go on. */
  drawn(): void;
  /** A step is done. */
  stepped(): void;
  picked(c: number): void;
  /** For people who do not see it. */
  say(text: string): void;
}

const LARGEST_ZOOM = 8;
/** How far an arrow key goes, in pixels of the sketch. */
const STEP = 4;

export class Board {
  private readonly context: CanvasRenderingContext2D;
  private readonly image: ImageData;
  private readonly pixels: Uint32Array;
  private readonly colours: Uint32Array;
  private zoom = 1;
  private offset: Point = { x: 0, y: 0 };
  /** Where the stroke began, and where it was last. */
  private from?: Point;
  private last?: Point;
  /** Pixels that are changed and not shown yet. */
  private dirty?: Area;
  private readonly touches = new Map<number, Point>();
  private pinch?: { distance: number; middle: Point };
  private panning?: Point;
  private holding = false;
  /** The point that arrow keys move, while the board has the focus by the keyboard. */
  private cursor?: Point;

  constructor(
    private readonly stage: HTMLElement,
    private readonly sheet: HTMLElement,
    private readonly canvas: HTMLCanvasElement,
    private readonly ring: HTMLElement,
    private readonly sketch: Sketch,
    private readonly settings: BoardSettings,
    private readonly listener: BoardListener,
  ) {
    const { height, width } = sketch;
    Object.assign(canvas, { height, width });
    this.context = is2d(canvas);
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    // Little-endian, as every processor that runs a browser is.
    this.colours = Uint32Array.from(COLOURS, ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0);
    this.listen();
    this.redraw();
  }

  /** Puts the sketch, or a part of it, on the canvas. */
  redraw(area: Area = { top: 0, left: 0, bottom: this.sketch.height - 1, right: this.sketch.width - 1 }): void {
    const { labels, width } = this.sketch;
    const { top, left, bottom, right } = area;
    for (let y = top; y <= bottom; y++) {
      for (let i = y * width + left; i <= y * width + right; i++) this.pixels[i] = this.colours[labels[i]];
    }
    this.context.putImageData(this.image, 0, 0, left, top, right - left + 1, bottom - top + 1);
  }

  zoomBy(factor: number, at?: Point): void {
    const box = this.stage.getBoundingClientRect();
    const { x, y } = at ? { x: at.x - box.left, y: at.y - box.top } : { x: box.width / 2, y: box.height / 2 };
    const zoom = Math.min(LARGEST_ZOOM, Math.max(1, this.zoom * factor));
    // What lies under the point stays there.
    this.moveTo({ x: x - ((x - this.offset.x) * zoom) / this.zoom, y: y - ((y - this.offset.y) * zoom) / this.zoom }, zoom);
  }

  fit(): void {
    this.moveTo({ x: 0, y: 0 }, 1);
  }

  get percent(): number {
    return Math.round(100 * this.zoom);
  }

  private moveTo({ x, y }: Point, zoom = this.zoom): void {
    const box = this.stage.getBoundingClientRect();
    const within = (v: number, room: number) => Math.min(0, Math.max(room * (1 - zoom), v));
    this.zoom = zoom;
    this.offset = { x: within(x, box.width), y: within(y, box.height) };
    this.sheet.style.transform = `translate(${this.offset.x}px, ${this.offset.y}px) scale(${zoom})`;
    this.stage.dispatchEvent(new Event('zoomed'));
  }

  private listen(): void {
    const { stage } = this;
    stage.addEventListener('pointerdown', (event) => this.down(event));
    stage.addEventListener('pointermove', (event) => this.move(event));
    for (const type of ['pointerup', 'pointercancel'] as const) stage.addEventListener(type, (event) => this.up(event));
    stage.addEventListener('pointerleave', () => {
      if (!this.cursor) this.ring.hidden = true;
    });
    stage.addEventListener('contextmenu', (event) => event.preventDefault());
    stage.addEventListener(
      'wheel',
      (event) => {
        const zooming = event.ctrlKey || event.metaKey;
        // The whole sketch leaves the wheel to the page.
        if (!zooming && this.zoom === 1) return;
        event.preventDefault();
        if (zooming) this.zoomBy(Math.exp(-event.deltaY / 300), { x: event.clientX, y: event.clientY });
        else this.moveTo({ x: this.offset.x - event.deltaX, y: this.offset.y - event.deltaY });
      },
      { passive: false },
    );
    stage.addEventListener('keydown', (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || !this.press(event)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    stage.addEventListener('blur', () => {
      this.release();
      this.cursor = undefined;
      this.ring.hidden = true;
    });
  }

  private down(event: PointerEvent): void {
    this.cursor = undefined;
    if (event.pointerType === 'touch') {
      this.touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
      if (this.touches.size === 2) return this.beginPinch();
      if (this.touches.size > 2) return;
    }
    this.stage.setPointerCapture(event.pointerId);
    if (event.button === 1) {
      this.panning = { x: event.clientX - this.offset.x, y: event.clientY - this.offset.y };
      event.preventDefault();
      return;
    }
    if (event.button !== 0 || this.sketch.drawing) return;
    const point = this.under(event);
    this.showRing(point);
    this.holding = this.begin(point, this.pressure(event));
  }

  private move(event: PointerEvent): void {
    if (this.touches.has(event.pointerId)) this.touches.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.pinch) return this.movePinch();
    if (this.panning) return this.moveTo({ x: event.clientX - this.panning.x, y: event.clientY - this.panning.y });
    this.cursor = undefined;
    this.showRing(this.under(event));
    if (!this.holding) return;
    // All that the pen did since the last frame.
    const all = event.getCoalescedEvents?.() ?? [];
    for (const each of all.length ? all : [event]) this.draw(this.under(each), this.pressure(each), event.shiftKey);
  }

  private up(event: PointerEvent): void {
    this.touches.delete(event.pointerId);
    this.panning = undefined;
    if (this.pinch) {
      if (this.touches.size < 2) this.pinch = undefined;
      return;
    }
    if (!this.holding) return;
    this.holding = false;
    if (event.type === 'pointercancel') this.cancel();
    else this.end();
  }

  private beginPinch(): void {
    this.holding = false;
    this.cancel();
    this.pinch = this.fingers();
  }

  private movePinch(): void {
    const now = this.fingers();
    const before = this.pinch!;
    this.pinch = now;
    // What lay between the fingers stays between them.
    this.zoomBy(now.distance / before.distance, before.middle);
    this.moveTo({ x: this.offset.x + now.middle.x - before.middle.x, y: this.offset.y + now.middle.y - before.middle.y });
  }

  private fingers(): { distance: number; middle: Point } {
    const [a, b] = [...this.touches.values()];
    return { distance: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)), middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 } };
  }

  /** A pen's pressure makes the brush larger and smaller; a mouse or finger has none. */
  private pressure(event: PointerEvent): number {
    return event.pointerType === 'pen' && event.pressure > 0 ? 0.3 + 1.4 * event.pressure : 1;
  }

  /** A pointer's place in the sketch. */
  private under({ clientX, clientY }: { clientX: number; clientY: number }): Point {
    const box = this.canvas.getBoundingClientRect();
    return { x: ((clientX - box.left) / box.width) * this.sketch.width, y: ((clientY - box.top) / box.height) * this.sketch.height };
  }

  /** Does what the tool does at a point; returns whether it goes on. */
  private begin(point: Point, pressure = 1): boolean {
    const { sketch } = this;
    const c = sketch.at(point.x, point.y);
    const { tool } = this.settings;
    if (tool === 'pick') {
      if (c !== undefined) this.listener.picked(c);
      return false;
    }
    if (tool === 'fill') {
      if (c !== undefined && c !== this.settings.class) {
        sketch.begin();
        flood(sketch.labels, sketch, Math.floor(point.x), Math.floor(point.y), this.recorded(sketch.paint(this.settings.class)));
        this.show();
        this.end();
      }
      return false;
    }
    sketch.begin();
    this.from = this.last = point;
    this.draw(point, pressure, false);
    return true;
  }

  private draw(point: Point, pressure: number, straight: boolean): void {
    const { sketch, settings } = this;
    const from = this.from!;
    if (settings.tool === 'line' || settings.tool === 'rectangle') {
      const area = sketch.restart();
      if (area) this.redraw(area);
      const to = straight ? upright(from, point, settings.tool) : point;
      const span = this.recorded(sketch.paint(settings.class));
      if (settings.tool === 'line') capsule(from, to, settings.size / 2, sketch, span);
      else rectangle(from, to, sketch, span);
    } else {
      const span = settings.tool === 'eraser' ? sketch.erase : sketch.paint(settings.class);
      capsule(this.last!, point, (pressure * settings.size) / 2, sketch, this.recorded(span));
    }
    this.last = point;
    this.show();
  }

  /** A span that also remembers which pixels have to be shown. */
  private recorded(span: Span): Span {
    return (y, from, to) => {
      span(y, from, to);
      const { dirty } = this;
      this.dirty = dirty
        ? { top: Math.min(dirty.top, y), left: Math.min(dirty.left, from), bottom: Math.max(dirty.bottom, y), right: Math.max(dirty.right, to) }
        : { top: y, left: from, bottom: y, right: to };
    };
  }

  private show(): void {
    if (this.dirty) this.redraw(this.dirty);
    this.dirty = undefined;
    this.listener.drawn();
  }

  private end(): void {
    this.from = this.last = undefined;
    if (this.sketch.commit()) this.listener.stepped();
  }

  private cancel(): void {
    this.from = this.last = undefined;
    const area = this.sketch.cancel();
    if (!area) return;
    this.redraw(area);
    this.listener.drawn();
  }

  private release(): void {
    if (this.sketch.drawing && !this.holding) this.end();
  }

  /** Does what a key stands for on the board; says whether it stands for anything. */
  private press(event: KeyboardEvent): boolean {
    const far = event.shiftKey ? 8 * STEP : STEP;
    const moves: Record<string, [number, number]> = { ArrowLeft: [-far, 0], ArrowRight: [far, 0], ArrowUp: [0, -far], ArrowDown: [0, far] };
    const { width, height } = this.sketch;
    const point = this.cursor ?? { x: width / 2, y: height / 2 };
    const move = moves[event.key];
    if (move) {
      const within = (v: number, size: number) => Math.min(size - 0.5, Math.max(0.5, v));
      this.cursor = { x: within(point.x + move[0], width), y: within(point.y + move[1], height) };
      if (this.sketch.drawing) this.draw(this.cursor, 1, false);
      this.sayPlace();
    } else if (event.key === ' ' || event.key === 'Enter') {
      this.cursor = point;
      if (this.sketch.drawing) {
        this.end();
        this.listener.say('Pen up.');
      } else if (this.begin(point)) this.listener.say('Pen down: arrow keys draw, space ends.');
    } else if (event.key === 'Escape' && this.sketch.drawing) {
      this.cancel();
      this.listener.say('Taken back.');
    } else return false;
    this.showRing(this.cursor ?? point);
    this.follow(this.cursor ?? point);
    return true;
  }

  /** Moves the part that is seen so that a point is in it. */
  private follow({ x, y }: Point): void {
    const box = this.stage.getBoundingClientRect();
    const at = (v: number, size: number, room: number, offset: number) => {
      const place = (v / size) * room * this.zoom + offset;
      return offset - Math.min(0, place) - Math.max(0, place - room);
    };
    this.moveTo({ x: at(x, this.sketch.width, box.width, this.offset.x), y: at(y, this.sketch.height, box.height, this.offset.y) });
  }

  private sayPlace(): void {
    const { x, y } = this.cursor!;
    this.listener.say(`column ${Math.floor(x)}, row ${Math.floor(y)}`);
  }

  /** Shows where, and how large, the tool is. */
  private showRing({ x, y }: Point): void {
    const { width, height } = this.sketch;
    const round = this.settings.tool !== 'fill' && this.settings.tool !== 'pick' && this.settings.tool !== 'rectangle';
    const size = round ? Math.max(3, this.settings.size) : 3;
    const { style } = this.ring;
    this.ring.hidden = x < 0 || y < 0 || x > width || y > height;
    style.left = `${(100 * (x - size / 2)) / width}%`;
    style.top = `${(100 * (y - size / 2)) / height}%`;
    style.width = `${(100 * size) / width}%`;
    style.height = `${(100 * size) / height}%`;
  }
}

/** The point moved so that a line is level, upright or diagonal, and a rectangle a square. */
function upright(from: Point, to: Point, tool: Tool): Point {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const side = Math.max(Math.abs(dx), Math.abs(dy));
  const diagonal = { x: from.x + Math.sign(dx) * side, y: from.y + Math.sign(dy) * side };
  if (tool === 'rectangle') return diagonal;
  if (Math.abs(dx) > 2 * Math.abs(dy)) return { x: to.x, y: from.y };
  if (Math.abs(dy) > 2 * Math.abs(dx)) return { x: from.x, y: to.y };
  return diagonal;
}
