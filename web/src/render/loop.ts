/** What a drawing loop asks of its owner. */
export interface Drawing {
  /** Whether what is on the canvas, drawn at this share of its resolution, is what should be there. */
  isCurrent(resolution: number): boolean;
  /** Whether there is something to wait for, and drawing now would be in vain. */
  mustWait(): boolean;
  /** Draw at a share of the canvas's resolution. */
  draw(resolution: number): void;
  readonly gl: WebGL2RenderingContext;
}

/** A frame in motion should not take longer, ms. */
const BUDGET_MS = 45;
/** After so long without a change, what is seen is at rest, ms; longer where a sharp frame would keep one waiting. */
const REST_MS = 180;
const REST_MAX_MS = 600;
const RESOLUTIONS = [1, 0.75, 0.5, 0.35, 0.25];
/** How often to look whether the graphics card has finished, ms. */
const POLL_MS = 3;
/** The first frames compile shaders and tell nothing about speed. */
const WARM_UP = 2;

/**
 * Draws on demand: one frame at a time, coarser while things move where a frame takes too long, sharp at rest, and
 * nothing at all when nothing changed.
 */
export class Loop {
  frames = 0;
  /** From asking for the last frame to its end on the graphics card. */
  milliseconds = 0;
  /** Share of the canvas's resolution at which moving pictures are drawn. */
  moving = 1;
  private sharpMilliseconds = 0;
  private requested = 0;
  private resting = 0;
  private drawing: WebGLSync | null = null;
  private changed = 0;
  private waiting: (() => void)[] = [];

  constructor(private readonly owner: Drawing) {}

  /** Something changed that can be seen. */
  change(): void {
    this.changed = performance.now();
    this.request();
  }

  /** Look again whether there is something to draw. */
  request(): void {
    this.requested ||= requestAnimationFrame(() => {
      this.requested = 0;
      this.step();
    });
  }

  /** Resolves when what should be seen is seen, at full resolution. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.request();
    });
  }

  /** The context is gone, and a frame in flight with it. */
  interrupt(): void {
    this.drawing = null;
  }

  private step(): void {
    if (this.drawing || this.owner.mustWait()) return;
    const sinceChange = performance.now() - this.changed;
    const rest = Math.min(Math.max(REST_MS, this.sharpMilliseconds / 2), REST_MAX_MS);
    const resolution = sinceChange < rest ? this.moving : 1;
    if (!this.owner.isCurrent(resolution)) this.draw(resolution);
    else if (!this.owner.isCurrent(1)) this.sharpenLater(rest - sinceChange);
    else for (const resolve of this.waiting.splice(0)) resolve();
  }

  private draw(resolution: number): void {
    const { gl } = this.owner;
    const started = performance.now();
    this.owner.draw(resolution);
    this.drawing = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    this.awaitEnd(gl, started, resolution);
  }

  private awaitEnd(gl: WebGL2RenderingContext, started: number, resolution: number): void {
    const { drawing } = this;
    if (!drawing) return;
    if (!gl.isContextLost() && gl.getSyncParameter(drawing, gl.SYNC_STATUS) !== gl.SIGNALED) {
      setTimeout(() => this.awaitEnd(gl, started, resolution), POLL_MS);
      return;
    }
    gl.deleteSync(drawing);
    this.drawing = null;
    this.frames++;
    this.milliseconds = performance.now() - started;
    if (resolution === 1) this.sharpMilliseconds = this.milliseconds;
    if (this.frames > WARM_UP) this.adapt(resolution);
    this.request();
  }

  /** Choose the resolution of moving pictures by how long this frame took. */
  private adapt(resolution: number): void {
    // Time goes with the number of pixels, as far as it goes with the resolution at all.
    const affordable = resolution * Math.sqrt(BUDGET_MS / this.milliseconds);
    const fitting = RESOLUTIONS.find((share) => share <= affordable) ?? RESOLUTIONS[RESOLUTIONS.length - 1];
    // Finer only where there is room to spare, lest it go up and down.
    if (fitting < this.moving || affordable > 1.3 * this.moving) this.moving = fitting;
  }

  private sharpenLater(milliseconds: number): void {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.request(), Math.max(milliseconds, 0) + 1);
  }
}
