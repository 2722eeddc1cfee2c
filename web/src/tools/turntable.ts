import { type Camera, orbitCamera } from "../render/camera";
import type { Orbit } from "../state";
import { type VideoChunk, type VideoTrack, webm } from "./webm";

export interface Turn {
  width: number;
  height: number;
  seconds: number;
  /** Pictures a second. */
  rate: number;
}

/** Frames from one key frame to the next: a second or two of seeking. */
const KEY_EVERY = 60;
const BITS_PER_PIXEL = 0.15;
const CODECS = [
  ["V_VP9", "vp09.00.41.08"],
  ["V_VP8", "vp8"],
] as const;

/** Cameras of a full turn about the orbit's target, to the patient's left first; the last is one step before the first. */
export function turnCameras(orbit: Orbit, { width, height, seconds, rate }: Turn): Camera[] {
  const count = Math.round(seconds * rate);
  return Array.from({ length: count }, (_, i) =>
    orbitCamera({ ...orbit, azimuth: orbit.azimuth + (360 * i) / count }, width, height),
  );
}

/**
 * Encode a video, picture by picture, however long each takes to make.
 *
 * Throws an Error with a message for people where the browser cannot encode, and an AbortError when cancelled.
 */
export async function encodeVideo(
  turn: Turn,
  count: number,
  picture: (index: number) => Promise<OffscreenCanvas>,
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<Blob> {
  const [codec, config] = await encoding(turn);
  const chunks: VideoChunk[] = [];
  let failure: Error | null = null;
  const encoder = new VideoEncoder({
    output: (chunk) => {
      const data = new Uint8Array(chunk.byteLength);
      chunk.copyTo(data);
      chunks.push({ data, time: Math.round(chunk.timestamp / 1000), key: chunk.type === "key" });
    },
    error: (error) => {
      failure = error;
    },
  });
  encoder.configure(config);
  try {
    for (let i = 0; i < count; i++) {
      signal.throwIfAborted();
      if (failure) throw failure;
      const frame = new VideoFrame(await picture(i), { timestamp: (i * 1e6) / turn.rate, duration: 1e6 / turn.rate });
      encoder.encode(frame, { keyFrame: i % KEY_EVERY === 0 });
      frame.close();
      progress(i + 1);
      // Let the page answer to a hand between two pictures, above all to the one that cancels.
      await new Promise((done) => setTimeout(done));
    }
    await encoder.flush();
  } finally {
    if (encoder.state !== "closed") encoder.close();
  }
  const track: VideoTrack = { codec, width: turn.width, height: turn.height, duration: (count * 1000) / turn.rate };
  return webm(track, chunks);
}

async function encoding({ width, height, rate }: Turn): Promise<[VideoTrack["codec"], VideoEncoderConfig]> {
  if (typeof VideoEncoder === "undefined") {
    throw new Error(
      "This browser cannot encode video here (it has no WebCodecs). Use a current Chrome, Edge, Firefox or Safari, and open the page from disk or from 127.0.0.1, or make the video with “tomosplat render”.",
    );
  }
  for (const [name, codec] of CODECS) {
    const bitrate = Math.round(width * height * rate * BITS_PER_PIXEL);
    const config: VideoEncoderConfig = { codec, width, height, framerate: rate, bitrate };
    if ((await VideoEncoder.isConfigSupported(config)).supported) return [name, config];
  }
  throw new Error(`This browser cannot encode video of ${width} × ${height} pixels as VP9 or VP8. Try a smaller size.`);
}
