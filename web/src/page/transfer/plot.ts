import { evaluate } from "../../scene/transfer";
import type { TransferPoints } from "../../scene/types";
import { assign, drawing } from "../dom";
import { type Domain, heightOf, OPACITY_TICKS, type OpacityScale, ticks } from "./axes";
import type { Histograms } from "./histograms";
import { hexOf } from "./points";

export const WIDTH = 256;
export const HEIGHT = 136;
const FOOT = 16;
const SAMPLES = 128;
const STOPS = 24;

/** What the plot shows. */
export interface Plotted {
  points: TransferPoints;
  domain: Domain;
  scale: OpacityScale;
}

/** The drawing behind a transfer function's points: histogram, axes, the function and its colours. */
export class Plot {
  readonly root = drawing("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT + FOOT}` });
  private readonly colors = drawing("linearGradient", { id: "transfer-colors" });
  private readonly bars = drawing("path", { class: "bars" });
  private readonly grid = drawing("g", { class: "grid" });
  private readonly area = drawing("path", { class: "area", fill: "url(#transfer-colors)" });
  private readonly line = drawing("path", { class: "line" });
  private readonly clip = drawing("clipPath", { id: "transfer-clip" });

  constructor() {
    this.clip.append(drawing("rect", { width: WIDTH, height: HEIGHT }));
    const clipped = drawing("g", { "clip-path": "url(#transfer-clip)" }, this.area, this.bars, this.line);
    const frame = drawing("rect", { class: "frame", width: WIDTH, height: HEIGHT, rx: 4 });
    this.root.append(drawing("defs", {}, this.colors, this.clip), frame, this.grid, clipped);
  }

  x(value: number, { low, high }: Domain): number {
    return ((value - low) / (high - low)) * WIDTH;
  }

  y(opacity: number, scale: OpacityScale): number {
    return (1 - heightOf(opacity, scale)) * HEIGHT;
  }

  draw({ points, domain, scale }: Plotted): void {
    this.drawGrid(domain, scale);
    const span = domain.high - domain.low;
    const values = Array.from({ length: SAMPLES + 1 }, (_, i) => domain.low + (i / SAMPLES) * span);
    // The points themselves too, so that corners and steps are sharp.
    const corners = points.map(([value]) => value).filter((value) => value > domain.low && value < domain.high);
    const place = (value: number, opacity: number) =>
      `${this.x(value, domain).toFixed(1)} ${this.y(opacity, scale).toFixed(1)}`;
    const samples = [...values, ...corners].sort((a, b) => a - b);
    const curve = samples.map((value) => place(value, evaluate(points, value)[3])).join("L");
    assign(this.line, { d: `M${curve}` });
    assign(this.area, { d: `M0 ${HEIGHT}L${curve}L${WIDTH} ${HEIGHT}Z` });
    this.colors.replaceChildren(
      ...Array.from({ length: STOPS + 1 }, (_, i) => {
        const rgba = evaluate(points, domain.low + (i / STOPS) * span);
        return drawing("stop", { offset: i / STOPS, "stop-color": hexOf(rgba) });
      }),
    );
  }

  /** Draw how often values occur; the square root keeps rare ones visible. */
  drawHistogram(histograms: Histograms, counts: Float64Array, domain: Domain): void {
    const most = Math.sqrt(Math.max(...counts)) || 1;
    let path = `M0 ${HEIGHT}`;
    for (let bin = 0; bin < counts.length; bin++) {
      const x = this.x(histograms.value(bin), domain);
      if (x < -WIDTH || x > 2 * WIDTH) continue;
      path += `L${x.toFixed(1)} ${(HEIGHT * (1 - 0.94 * (Math.sqrt(counts[bin]) / most))).toFixed(1)}`;
    }
    assign(this.bars, { d: `${path}L${WIDTH} ${HEIGHT}Z` });
  }

  private drawGrid(domain: Domain, scale: OpacityScale): void {
    const lines = OPACITY_TICKS[scale].map(([opacity, text], index) => {
      const y = this.y(opacity, scale);
      const label = index > 0 ? drawing("text", { x: 4, y: y + 10 }, text) : null;
      return drawing("g", {}, drawing("path", { d: `M0 ${y}H${WIDTH}` }), label);
    });
    const marks = ticks(domain, 5).map((value) => {
      const x = this.x(value, domain);
      const anchor = x < 12 ? "start" : x > WIDTH - 12 ? "end" : "middle";
      const text = drawing("text", { x, y: HEIGHT + 12, "text-anchor": anchor }, String(value).replace("-", "−"));
      return drawing("g", {}, drawing("path", { d: `M${x} ${HEIGHT}v3` }), text);
    });
    this.grid.replaceChildren(...lines, ...marks);
  }
}
