import { element } from "./dom";
import { same } from "./initial";
import type { Progress, Stage } from "./progress";
import type { Toasts } from "./toast";
import type { Viewer } from "./viewer";

interface Status {
  revision: number;
  state: "working" | "ready" | "failed";
  stages: Stage[];
  /** Revision of the newest Gaussians. */
  gaussians: number | null;
  kind: "primed" | "predicted" | "file";
  volume: boolean;
  message: string | null;
}

const PAUSE_MS = 600;
const RETRY_MS = 2000;

/** A scene that a server computes: shown as soon as it is there, and anew whenever there is a better one. */
export class ServedScene {
  private shown: number | null = null;
  private volume = false;
  private kind: Status["kind"] = "file";
  private told: string | null = null;

  constructor(
    private readonly config: { scene: string; token: string },
    private readonly viewer: Viewer,
    private readonly progress: Progress,
    private readonly toasts: Toasts,
    /** Where a choice of scenes goes. */
    private readonly bar: HTMLElement,
  ) {}

  /** Follow the server for as long as the page is open. */
  async follow(): Promise<never> {
    this.offerOthers();
    let revision = 0;
    for (;;) {
      try {
        const status = (await (await this.ask(`${this.config.scene}/status?after=${revision}`)).json()) as Status;
        revision = status.revision;
        if (this.told === LOST) this.toasts.tell("Connected again.");
        this.told = null;
        await this.take(status);
      } catch (error) {
        if ((error as Error).message === LOST) this.complain(LOST);
        else if (this.viewer.hasPicture) this.complain((error as Error).message);
        else this.viewer.fail("This scene cannot be shown", (error as Error).message);
        await new Promise((wait) => setTimeout(wait, RETRY_MS));
      }
    }
  }

  /** Have the scene computed anew when the person pauses after editing its transfer functions. */
  watchTransfer(): void {
    let timer = 0;
    this.viewer.store.on(["transfer"], () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.sendTransfer(), PAUSE_MS);
    });
  }

  private async sendTransfer(): Promise<void> {
    const { transfer } = this.viewer.store.state;
    const shading = this.viewer.scenes.state.header.shading;
    if (!transfer || this.kind === "file" || same(transfer, shading?.functions ?? null)) return;
    try {
      await this.ask(`${this.config.scene}/transfer`, { method: "POST", body: JSON.stringify(transfer) });
    } catch (error) {
      this.toasts.warn(`The scene could not be computed anew: ${(error as Error).message}`);
    }
  }

  private async take(status: Status): Promise<void> {
    this.kind = status.kind;
    if (status.state === "working") this.progress.stages("Preparing the scene", status.stages, this.shown !== null);
    else this.progress.rest();
    if (status.state === "failed") this.viewer.fail("This scene could not be made", status.message ?? "");
    else if (status.message) this.toasts.warn(status.message);
    if (status.gaussians !== null && status.gaussians !== this.shown) {
      const first = this.shown === null;
      this.shown = status.gaussians;
      await this.viewer.showScene(await this.blob("gaussians"));
      if (first) this.watchTransfer();
      if (status.state === "working") this.progress.stages("", status.stages, true);
    }
    if (status.volume && !this.volume) {
      this.volume = true;
      await this.viewer.showVolume(await this.blob("volume"));
    }
  }

  /** Where the server has several scenes, let the person go from one to another. */
  private async offerOthers(): Promise<void> {
    const response = await this.ask("").catch(() => null);
    const scenes = ((await response?.json()) ?? []) as { id: string; title: string }[];
    if (scenes.length < 2) return;
    const select = element("select", { "aria-label": "Scene" });
    select.append(...scenes.map(({ id, title }) => element("option", { value: id }, title)));
    select.value = this.config.scene;
    select.addEventListener("change", () => location.assign(`?${new URLSearchParams({ scene: select.value })}`));
    this.bar.prepend(select);
  }

  private async blob(part: "gaussians" | "volume"): Promise<ReadableStream<Uint8Array>> {
    return (await this.ask(`${this.config.scene}/${part}`)).body!;
  }

  private async ask(what: string, options: RequestInit = {}): Promise<Response> {
    const headers = { "X-Tomosplat-Token": this.config.token };
    const response = await fetch(`api/scenes${what && "/"}${what}`, { ...options, headers }).catch(() => {
      throw new Error(LOST);
    });
    if (response.ok) return response;
    const { message } = (await response.json().catch(() => ({}))) as { message?: string };
    throw new Error(message ?? `the server answered ${response.status}`);
  }

  /** Say what is wrong once, however often it is tried again. */
  private complain(message: string): void {
    if (this.told !== message) this.toasts.warn(message);
    this.told = message;
  }
}

const LOST = "The connection to tomosplat is lost; what is here stays. Is it still running in the terminal?";
