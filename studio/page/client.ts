/** The page's side of its worker. */
import type { Drawing, Manifest, Picture, Reply, Request, Sketch, View } from '../worker/messages';

export interface Painted {
  views: View[];
  milliseconds: number;
  tensors: number;
}

export interface Listener {
  fetching(done: number, total: number): void;
  ready(engine: string): void;
  painting(): void;
  painted(result: Painted): void;
  /** `paints`: whether other sketches may still be painted. */
  failed(message: string, paints: boolean): void;
}

type Answer<T extends Reply['type']> = Extract<Reply, { type: T }>;

/** Without what `ask` adds. */
type Unnumbered<R> = R extends { id: number } ? Omit<R, 'id'> : never;

export class Client {
  private readonly worker: Worker;
  private readonly waiting = new Map<number, { resolve(reply: Reply): void; reject(error: Error): void }>();
  private next = 1;
  private newest?: Sketch;
  private painting?: number;
  /** Sketches whose scene is asked for, and which are painted then. */
  private nearing = 0;
  private ready = false;

  constructor(
    base: string,
    private readonly listener: Listener,
  ) {
    // From an address of the page's own making a worker takes over the page's security policy.
    const source = URL.createObjectURL(new Blob([`importScripts(${JSON.stringify(new URL('worker.js', base).href)});`], { type: 'text/javascript' }));
    this.worker = new Worker(source);
    this.worker.onmessage = ({ data }: MessageEvent<Reply>) => this.receive(data);
    this.worker.onerror = ({ message }) => {
      const sentence = `The page's worker stopped: ${message || 'it could not be loaded'}.`;
      for (const { reject } of this.waiting.values()) reject(new Error(sentence));
      this.waiting.clear();
      listener.failed(sentence, false);
    };
  }

  start(base: string, manifest: Manifest, engine?: string): void {
    this.send({ type: 'start', base, manifest, engine });
  }

  /** Asks for a sketch to be painted. While one is, only the newest of those that come waits. */
  paint(sketch: Sketch): void {
    this.newest = sketch;
    this.proceed();
  }

  /** Whether what was asked for last is not painted yet. */
  get busy(): boolean {
    return this.nearing > 0 || this.painting !== undefined || (this.ready && this.newest !== undefined);
  }

  /** The seed whose scene is laid out most like the sketch; undefined where a seed chooses no scene. */
  async near(drawing: Drawing): Promise<number | undefined> {
    this.nearing++;
    try {
      return ((await this.ask({ type: 'near', ...drawing })) as Answer<'near'>).seed;
    } finally {
      this.nearing--;
    }
  }

  async enlarge(): Promise<{ picture: Picture; milliseconds: number }> {
    return (await this.ask({ type: 'enlarge' })) as Answer<'enlarged'>;
  }

  async explain(x: number, y: number): Promise<{ description: object; planes: string }> {
    return (await this.ask({ type: 'explain', x, y })) as Answer<'explained'>;
  }

  async read(file: File, height: number, width: number): Promise<{ labels: Uint8Array; remarks: string[] }> {
    const bytes = await file.arrayBuffer();
    return (await this.ask({ type: 'read', name: file.name, bytes, height, width })) as Answer<'read'>;
  }

  async write(drawing: Drawing): Promise<Blob> {
    const { png } = (await this.ask({ type: 'write', ...drawing })) as Answer<'written'>;
    return new Blob([png], { type: 'image/png' });
  }

  private ask(request: Unnumbered<Request>): Promise<Reply> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.send({ ...request, id } as Request);
    });
  }

  private proceed(): void {
    if (!this.ready || this.painting !== undefined || !this.newest) return;
    this.painting = this.next++;
    this.listener.painting();
    this.send({ type: 'paint', id: this.painting, ...this.newest });
    this.newest = undefined;
  }

  private send(request: Request): void {
    this.worker.postMessage(request);
  }

  private receive(reply: Reply): void {
    if (reply.type === 'fetching') return this.listener.fetching(reply.done, reply.total);
    if (reply.type === 'ready') {
      this.ready = true;
      this.listener.ready(reply.engine);
      return this.proceed();
    }
    const { id } = reply;
    if (id !== undefined && id === this.painting) {
      this.painting = undefined;
      if (reply.type === 'painted') this.listener.painted(reply);
      else if (reply.type === 'failed') this.listener.failed(reply.message, true);
      return this.proceed();
    }
    const waiting = id === undefined ? undefined : this.waiting.get(id);
    if (id !== undefined) this.waiting.delete(id);
    if (reply.type !== 'failed') waiting?.resolve(reply);
    else if (waiting) waiting.reject(new Error(reply.message));
    else this.listener.failed(reply.message, false);
  }
}
