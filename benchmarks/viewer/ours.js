/**
 * Put into our page: stops the page's own clock, which would draw coarser pictures while the camera moves, and draws
 * frame by frame instead.
 */
(() => {
  const { store, renderer } = window.tomosplat;
  const { gl } = renderer;
  let wake = () => undefined;
  // The page asks for a frame when an order has arrived.
  window.requestAnimationFrame = () => {
    wake();
    return 0;
  };

  const asked = () => {
    const { promise, resolve } = Promise.withResolvers();
    wake = resolve;
    return promise;
  };

  function resize(width, height) {
    const { style } = renderer.canvas;
    style.cssText = `position: fixed; inset: 0 auto auto 0; width: ${width}px; height: ${height}px`;
    store.set({ background: [0, 0, 0] });
  }

  /** Move, sort, draw, and wait for the graphics driver: milliseconds until sorted, and in all. */
  async function frame(orbit) {
    const started = performance.now();
    store.set({ orbit });
    renderer.mustWait();
    while (renderer.ordering.busy) await asked();
    const sorted = performance.now();
    renderer.draw(1);
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
    const ended = performance.now();
    if (!renderer.isCurrent(1)) throw new Error("the picture is not the one that was asked for");
    return [sorted - started, ended - started];
  }

  /** What a person sees: RGBA of eight bits. */
  async function canvasBytes(orbit) {
    await frame(orbit);
    renderer.draw(1);
    const { drawingBufferWidth: width, drawingBufferHeight: height } = gl;
    const bytes = new Uint8Array(4 * width * height);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    return { width, height, upwards: true, data: bytes.toBase64() };
  }

  /** What the renderer gives for screenshots: RGBA floats. */
  async function floatPixels(orbit) {
    await frame(orbit);
    const { camera } = renderer;
    const pixels = await renderer.picture(camera, [0, 0, 0]);
    const data = new Uint8Array(pixels.buffer).toBase64();
    return { width: camera.width, height: camera.height, upwards: false, data };
  }

  window.benchmark = { resize, frame, canvasBytes, floatPixels };
})();
