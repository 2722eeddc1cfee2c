/** Names of the methods of W. */
export type Method<W> = { [K in keyof W]: W[K] extends (...args: never[]) => unknown ? K : never }[keyof W];

type Call<W, M extends Method<W>> = Extract<W[M], (...args: never[]) => unknown>;

export interface Request {
  id: number;
  method: string;
  args: unknown[];
}

export interface Reply {
  id: number;
  result: unknown;
  /** How long the work itself took. */
  milliseconds: number;
}

interface Pending {
  request: Request;
  resolve: (result: unknown) => void;
}

/** Has the methods of W called in a worker, or on this thread where the page may not start one. */
export class Background<W extends object> {
  private worker: Worker | null = null;
  private here: W | null = null;
  /** In the order in which they were asked. */
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;
  /** How long the last work of each kind took, waiting apart, ms. */
  readonly timings: Partial<Record<Method<W>, number>> = {};

  /**
   * @param start Starts a worker that calls `serve`.
   * @param makeHere Makes what does the same on this thread.
   */
  constructor(
    start: () => Worker,
    private readonly makeHere: () => W,
  ) {
    try {
      this.worker = start();
    } catch {
      this.workHere();
      return;
    }
    // A content security policy may forbid the worker's address: that is told later, and nothing was answered yet.
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.workHere();
    });
    this.worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => this.settle(data));
  }

  /** True where the work is done on the page's own thread. */
  get onMainThread(): boolean {
    return this.here !== null;
  }

  call<M extends Method<W>>(method: M, ...args: Parameters<Call<W, M>>): Promise<ReturnType<Call<W, M>>> {
    const request = { id: ++this.lastId, method: String(method), args };
    return new Promise((resolve) => {
      this.pending.set(request.id, { request, resolve: resolve as (result: unknown) => void });
      if (this.here) this.answerSoon(request);
      else this.worker?.postMessage(request);
    });
  }

  dispose(): void {
    this.worker?.terminate();
    this.pending.clear();
  }

  private workHere(): void {
    if (this.here) return;
    this.worker?.terminate();
    this.worker = null;
    this.here = this.makeHere();
    for (const { request } of this.pending.values()) this.answerSoon(request);
  }

  /** In a task of its own, so that what was asked first is answered first and the page can breathe in between. */
  private answerSoon(request: Request): void {
    const { here } = this;
    if (here) setTimeout(() => this.settle(answer(here, request)));
  }

  private settle({ id, result, milliseconds }: Reply): void {
    const asked = this.pending.get(id);
    if (!asked) return;
    this.pending.delete(id);
    this.timings[asked.request.method as Method<W>] = milliseconds;
    asked.resolve(result);
  }
}

/** In a worker: answer whatever the page asks of this object. */
export function serve(work: object): void {
  self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
    const reply = answer(work, data);
    self.postMessage(reply, { transfer: ArrayBuffer.isView(reply.result) ? [reply.result.buffer] : [] });
  });
}

function answer(work: object, { id, method, args }: Request): Reply {
  const methods = work as Record<string, (...args: unknown[]) => unknown>;
  const started = performance.now();
  const result = methods[method](...args);
  return { id, result, milliseconds: performance.now() - started };
}
