import { dyno, SplatGenerator } from "@sparkjsdev/spark";
import * as THREE from "three";
import record from "../../web/src/render/shaders/record.glsl?raw";
import slice from "../../web/src/render/shaders/slice.glsl?raw";
import { RECORD_WORDS } from "../../web/src/scene/types.ts";

/** Gaussians in a row of the textures, as record.glsl has them. */
const ROW = 1024;

/**
 * The scene as Spark generates it anew for each view: the same records and the same slicing as in our own renderer.
 *
 * @returns {{generator: SplatGenerator, lookFrom: (eye: THREE.Vector3) => void}}
 */
export function sixDimensional({ header, words }) {
  const [low, high] = header.bounds_mm;
  const uniforms = {
    records: { value: integers(words, 4, 4 * ROW, THREE.RGBAIntegerFormat, "RGBA32UI") },
    appearance: { value: integers(unchangedLooks(words), 2, ROW, THREE.RGIntegerFormat, "RG32UI") },
    boundsLow: { value: new THREE.Vector3(...low) },
    boundsSize: { value: new THREE.Vector3(...high.map((end, axis) => end - low[axis])) },
    eye: { value: new THREE.Vector3() },
    forward: { value: new THREE.Vector3() },
    orthographic: { value: false },
    directional: { value: true },
    directionWeight: { value: header.direction_weight },
  };
  const covGenerator = new dyno.Dyno({
    inTypes: { index: "int" },
    outTypes: { covsplat: dyno.CovSplat },
    generate: ({ inputs: { index }, outputs: { covsplat } }) => ({
      globals: [dyno.defineGsplat, dyno.defineCovSplat, `${record}\n${slice}`],
      statements: [
        `Sliced s = slice(${index});`,
        "mat3 cov = s.spread * transpose(s.spread);",
        `${covsplat}.flags = GSPLAT_FLAG_ACTIVE;`,
        `${covsplat}.index = ${index};`,
        `${covsplat}.center = s.mean;`,
        `${covsplat}.rgba = vec4(s.rgb, s.opacity);`,
        `${covsplat}.xxyyzz = vec3(cov[0][0], cov[1][1], cov[2][2]);`,
        `${covsplat}.xyxzyz = vec3(cov[0][1], cov[0][2], cov[1][2]);`,
      ],
      uniforms,
    }),
  });
  const generator = new SplatGenerator({ numSplats: header.count, covGenerator });
  return { generator, lookFrom: (eye) => uniforms.eye.value.copy(eye) };
}

/** What the appearance pass gives where nothing was recoloured: no change of colour, and the record's opacity. */
function unchangedLooks(words) {
  const looks = new Uint32Array((words.length / RECORD_WORDS) * 2);
  for (let i = 0; i < looks.length / 2; i++) looks[2 * i + 1] = words[RECORD_WORDS * i + 1] & 0xffff0000;
  return looks;
}

function integers(data, size, width, format, internalFormat) {
  const rows = Math.ceil(data.length / (size * width));
  const padded = new Uint32Array(size * width * rows);
  padded.set(data);
  const texture = new THREE.DataTexture(padded, width, rows, format, THREE.UnsignedIntType);
  texture.internalFormat = internalFormat;
  texture.needsUpdate = true;
  return texture;
}
