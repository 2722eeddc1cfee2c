import { SparkRenderer } from "@sparkjsdev/spark";
import * as THREE from "three";
import { orbitCamera } from "../../web/src/render/camera.ts";
import { sixDimensional } from "./generator.js";
import { fetchScene } from "./scene.js";

// Colours are ready for the display: Spark must not decode them where it draws into a texture.
THREE.ColorManagement.workingColorSpace = THREE.SRGBColorSpace;

const NEAR_MM = 1;
const FAR_MM = 20_000;

/** What is drawn of each Gaussian: as far as we draw it, or as Spark does of itself. */
const MANNERS = {
  same: {
    maxStdDev: Math.sqrt(2 * Math.log(255)),
    minAlpha: 1 / 255,
    preBlurAmount: 0.3,
    blurAmount: 0,
    sortRadial: false,
  },
  default: {},
};

const renderer = new THREE.WebGLRenderer({ canvas: document.querySelector("canvas"), antialias: false });
const gl = renderer.getContext();
gl.getExtension("EXT_float_blend");
const spark = new SparkRenderer({ renderer, covSplats: true, accumExtSplats: true, autoUpdate: false });
// Spark rests for a millisecond before it reads depths back; a benchmark should not count that.
spark.readPause = 0;
for (const key of Object.keys(MANNERS.same)) MANNERS.default[key] = spark[key];

const stage = new THREE.Scene();
stage.add(spark);
const camera = new THREE.PerspectiveCamera();
let scene = null;
let floats = null;

async function load(url) {
  scene = sixDimensional(await fetchScene(url));
  stage.add(scene.generator);
}

function resize(width, height) {
  renderer.setSize(width, height);
  floats?.dispose();
  floats = new THREE.WebGLRenderTarget(width, height, { type: THREE.FloatType, depthBuffer: false });
}

/** Our cameras look along +z with y down, three's along −z with y up. */
function place(orbit) {
  const [width, height] = [renderer.domElement.width, renderer.domElement.height];
  const { position, rotation: r } = orbitCamera(orbit, width, height);
  camera.position.set(...position);
  const toWorld = new THREE.Matrix4().set(
    ...[r[0], -r[3], -r[6], 0],
    ...[r[1], -r[4], -r[7], 0],
    ...[r[2], -r[5], -r[8], 0],
    ...[0, 0, 0, 1],
  );
  camera.quaternion.setFromRotationMatrix(toWorld);
  camera.fov = orbit.fov;
  camera.aspect = width / height;
  camera.near = NEAR_MM;
  camera.far = FAR_MM;
  camera.updateProjectionMatrix();
  camera.updateMatrixWorld();
  scene.lookFrom(camera.position);
}

/** Move, generate, sort, draw, and wait for the graphics driver: milliseconds until sorted, and in all. */
async function frame(orbit, manner, target = null) {
  Object.assign(spark, MANNERS[manner]);
  const started = performance.now();
  place(orbit);
  await spark.update({ scene: stage, camera });
  const sorted = performance.now();
  renderer.setRenderTarget(target);
  renderer.render(stage, camera);
  if (target) renderer.readRenderTargetPixels(target, 0, 0, 1, 1, new Float32Array(4));
  else gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  return [sorted - started, performance.now() - started];
}

/** What a person sees: RGBA of eight bits. */
async function canvasBytes(orbit, manner) {
  await frame(orbit, manner);
  renderer.render(stage, camera);
  const { width, height } = renderer.domElement;
  const bytes = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
  return { width, height, upwards: true, data: bytes.toBase64() };
}

/** The same drawn into a float texture, where blending rounds nothing. */
async function floatPixels(orbit, manner) {
  await frame(orbit, manner, floats);
  const { width, height } = floats;
  const pixels = new Float32Array(4 * width * height);
  renderer.readRenderTargetPixels(floats, 0, 0, width, height, pixels);
  return { width, height, upwards: true, data: new Uint8Array(pixels.buffer).toBase64() };
}

window.benchmark = { load, resize, frame, canvasBytes, floatPixels };
