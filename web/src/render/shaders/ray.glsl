// The ray of a pixel: points by their depth along the viewing axis.
uniform vec3 eye;
uniform mat3 rotation;
uniform vec2 focal;
uniform vec2 center;
uniform bool orthographic;

// In camera axes: where the ray starts, and how it goes on per mm of depth.
vec3 rayOrigin() {
  return orthographic ? vec3((gl_FragCoord.xy - center) / focal, 0.0) : vec3(0);
}

vec3 rayStep() {
  return orthographic ? vec3(0, 0, 1) : vec3((gl_FragCoord.xy - center) / focal, 1.0);
}
