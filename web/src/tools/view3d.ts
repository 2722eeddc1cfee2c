import { type Camera, orbitCamera } from "../render/camera";
import type { Orbit, Store, ViewState } from "../state";
import { apply, subtract, type Vec3 } from "../vectors";
import type { Place, Projection } from "./marks";

/** What tools need of the renderer. */
export interface Scene3D {
  /** What is seen at a place of the canvas, CSS pixels; null where nothing is. */
  pick(x: number, y: number): Promise<{ point: Vec3 } | null>;
  /** Premultiplied RGBA, rows from top to bottom; transparent without a background. */
  picture(camera: Camera, background?: Vec3): Promise<Float32Array>;
}

/** The 3D view as tools see it: the canvas that is clicked, and the drawing over it. */
export interface View3D {
  canvas: HTMLCanvasElement;
  overlay: SVGSVGElement;
  renderer: Scene3D;
}

/** The camera of the view in CSS pixels. */
export const cssCamera = (orbit: Orbit, { clientWidth, clientHeight }: Element): Camera =>
  orbitCamera(orbit, clientWidth, clientHeight);

/** In camera axes: x right, y down, z away from the camera; mm. */
export const fromCamera = (camera: Camera, p: Vec3): Vec3 => apply(camera.rotation, subtract(p, camera.position));

/** Project world points by a camera; what is behind it cannot be seen. */
export function projectionOf(camera: Camera): Projection {
  return (p): Place | null => {
    const [x, y, z] = fromCamera(camera, p);
    if (camera.orthographic) return [camera.fx * x + camera.cx, camera.fy * y + camera.cy];
    return z > 0.1 ? [(camera.fx * x) / z + camera.cx, (camera.fy * y) / z + camera.cy] : null;
  };
}

/** A part of the drawing over the 3D view, made anew with the next frame after what it shows has changed. */
export class Layer {
  private readonly group: SVGGElement;
  private scheduled = false;

  constructor(
    private readonly view: Pick<View3D, "canvas" | "overlay">,
    private readonly store: Store,
    keys: readonly (keyof ViewState)[],
    private readonly marks: (project: Projection) => (SVGElement | null)[],
  ) {
    this.group = document.createElementNS("http://www.w3.org/2000/svg", "g");
    view.overlay.append(this.group);
    store.on(["orbit", ...keys], () => this.redraw());
    new ResizeObserver(() => this.redraw()).observe(view.canvas);
  }

  redraw(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      const project = projectionOf(cssCamera(this.store.state.orbit, this.view.canvas));
      this.group.replaceChildren(...this.marks(project).filter((mark) => mark !== null));
    });
  }
}

/** Do one thing at a time; of what is asked for meanwhile, only the newest. */
export function newest<T>(work: (input: T) => Promise<void>): (input: T) => void {
  let busy = false;
  let waiting: { input: T } | null = null;
  const run = async (input: T) => {
    busy = true;
    try {
      await work(input);
    } finally {
      busy = false;
    }
    if (waiting) {
      const { input: next } = waiting;
      waiting = null;
      run(next);
    }
  };
  return (input) => {
    if (busy) waiting = { input };
    else run(input);
  };
}
