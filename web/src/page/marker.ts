import { orbitRotation } from "../render/camera";
import type { Store } from "../state";
import { cross, scale, type Vec3 } from "../vectors";
import { drawing } from "./dom";
import { STANDARD_VIEWS, type StandardView } from "./orbiting";

interface Face {
  view: StandardView;
  normal: Vec3;
  /** Where the letter's top is. */
  up: Vec3;
}

const NORMALS: Record<string, readonly [normal: Vec3, up: Vec3]> = {
  A: [[0, 1, 0], [0, 0, 1]],
  P: [[0, -1, 0], [0, 0, 1]],
  L: [[-1, 0, 0], [0, 0, 1]],
  R: [[1, 0, 0], [0, 0, 1]],
  S: [[0, 0, 1], [0, -1, 0]],
  I: [[0, 0, -1], [0, 1, 0]],
}; // biome-ignore format: one face a line
const FACES: Face[] = STANDARD_VIEWS.map((view) => ({
  view,
  normal: NORMALS[view.letter][0],
  up: NORMALS[view.letter][1],
}));
const HALF_EDGE = 21;
const HIDDEN_COSINE = 0.02;

/** A cube that turns with the patient; a click on a side looks at it. */
export function orientationMarker(store: Store, look: (view: StandardView) => void): SVGSVGElement {
  const root = drawing("svg", { class: "marker", viewBox: "-40 -40 80 80", role: "img" });
  const faces = FACES.map((face) => {
    const group = drawing(
      "g",
      { class: `face face-${face.view.letter}`, onclick: () => look(face.view) },
      drawing("path", { d: "M-1-1H1V1H-1Z", "vector-effect": "non-scaling-stroke" }),
      drawing("text", { "font-size": 1.15, "text-anchor": "middle", y: 0.41 }, face.view.letter),
    );
    root.append(group);
    return group;
  });
  const draw = () => {
    const { azimuth, elevation } = store.state.orbit;
    const rotation = orbitRotation(azimuth, elevation);
    const project = (v: Vec3, row: 0 | 3 | 6) =>
      rotation[row] * v[0] + rotation[row + 1] * v[1] + rotation[row + 2] * v[2];
    for (const [index, { normal, up }] of FACES.entries()) {
      const right = cross(up, normal);
      const place = [right, scale(up, -1), normal].flatMap((v) => [
        project(v, 0) * HALF_EDGE,
        project(v, 3) * HALF_EDGE,
      ]);
      faces[index].setAttribute("transform", `matrix(${place.map((n) => n.toFixed(3)).join(" ")})`);
      const facing = -project(normal, 6);
      faces[index].classList.toggle("hidden", facing < HIDDEN_COSINE);
      faces[index].style.setProperty("--facing", facing.toFixed(3));
    }
    const nearest = FACES.reduce((best, face) => (project(face.normal, 6) < project(best.normal, 6) ? face : best));
    root.setAttribute("aria-label", `Seen from ${nearest.view.name.toLowerCase()}`);
  };
  store.on(["orbit"], draw);
  draw();
  return root;
}
