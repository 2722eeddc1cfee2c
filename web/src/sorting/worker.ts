import { answer, type Request, Work } from "./work";

const work = new Work();

self.addEventListener("message", ({ data }: MessageEvent<Request>) => {
  const reply = answer(work, data);
  self.postMessage(reply, { transfer: reply.result instanceof Uint32Array ? [reply.result.buffer] : [] });
});
