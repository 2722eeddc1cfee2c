import { Background } from "../background/background";
import { Work } from "./work";
import SortingWorker from "./worker?worker&inline";

/** Has sorting and picking done in a worker, or on this thread where the page may not start one. */
export class Client extends Background<Work> {
  constructor() {
    super(
      () => new SortingWorker(),
      () => new Work(),
    );
  }
}
