// Where each pixel's ray enters and leaves what all planes keep, as depths.
uniform vec4 planes[PLANES];
uniform int planeCount;
layout(location = 0) out uvec2 span;

const float FAR = 1e9;

void main() {
  float enters = -FAR;
  float leaves = FAR;
  for (int k = 0; k < planeCount; k++) {
    vec3 normal = rotation * planes[k].xyz;
    float here = dot(normal, rayOrigin()) + dot(planes[k].xyz, eye) + planes[k].w;
    float slope = dot(normal, rayStep());
    if (abs(slope) < 1e-7) {
      if (here < 0.0) leaves = -FAR;
    } else if (slope > 0.0) enters = max(enters, -here / slope);
    else leaves = min(leaves, -here / slope);
  }
  span = floatBitsToUint(vec2(enters, leaves));
}
