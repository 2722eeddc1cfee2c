import { answer, type Method, type Reply, type Request, Work } from "./work";
import SortingWorker from "./worker?worker&inline";

interface Pending {
  request: Request;
  resolve: (result: unknown) => void;
}

/** Has work done in a worker, or on this thread where the page may not start one. */
export class Client {
  private worker: Worker | null = null;
  private here: Work | null = null;
  /** In the order in which they were asked. */
  private readonly pending = new Map<number, Pending>();
  private lastId = 0;
  /** How long the last work of each kind took, waiting apart, ms. */
  readonly timings: Partial<Record<Method, number>> = {};

  constructor() {
    try {
      this.worker = new SortingWorker();
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

  /** True where sorting happens on the page's own thread. */
  get onMainThread(): boolean {
    return this.here !== null;
  }

  call<M extends Method>(method: M, ...args: Parameters<Work[M]>): Promise<ReturnType<Work[M]>> {
    const request = { id: ++this.lastId, method, args } as Request;
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
    this.here = new Work();
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
    this.timings[asked.request.method] = milliseconds;
    asked.resolve(result);
  }
}
