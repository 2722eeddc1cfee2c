// Project the Gaussian of every rank of the drawing order: one fragment each.
uniform highp usampler2D order;
uniform int count;
uniform mat3 rotation;
uniform vec2 focal;
uniform vec2 center;
// Lowest and highest x/z, then y/z, at which the perspective is linearised.
uniform vec4 limits;
uniform float near;
uniform vec2 size;
#ifdef CLIPPED
uniform vec4 planes[PLANES];
uniform int planeCount;
layout(location = 2) out uvec4 depths;
#endif
layout(location = 0) out uvec4 first;
layout(location = 1) out uvec4 second;

const float LOG2_E = 1.4426950408889634;
const float LOG2_ALPHA_MIN = -7.994353436858858;
const float LOW_PASS = 0.3;
const float NEVER = -1e9;

void main() {
  first = uvec4(0);
  second = uvec4(0, floatBitsToUint(NEVER), 0, 0);
#ifdef CLIPPED
  depths = uvec4(0);
#endif
  int rank = int(gl_FragCoord.y) * 1024 + int(gl_FragCoord.x);
  if (rank >= count) return;
  Sliced s = slice(int(texelFetch(order, placeOf(rank), 0).x));
  float logOpacity = log2(s.opacity);
  vec3 p = rotation * (s.mean - eye);
  if (!(logOpacity > LOG2_ALPHA_MIN) || p.z < near) return;

#ifdef CLIPPED
  for (int k = 0; k < planeCount; k++) {
    vec3 across = planes[k].xyz * s.spread;
    // Where not even 1/255 of the most opaque Gaussian is left.
    if (dot(planes[k].xyz, s.mean) + planes[k].w < -3.33 * length(across)) return;
  }
#endif

  // Rows of J R, the movement of the image point with the world point, times L.
  mat3 axes = transpose(rotation);
  vec2 scale = orthographic ? focal : focal / p.z;
  vec2 slope = orthographic ? vec2(0.0) : clamp(p.xy / p.z, limits.xz, limits.yw);
  vec3 u = scale.x * (axes[0] - slope.x * axes[2]) * s.spread;
  vec3 v = scale.y * (axes[1] - slope.y * axes[2]) * s.spread;
  float xx = dot(u, u), xy = dot(u, v), yy = dot(v, v);
  vec3 normal = cross(u, v);
  // Lagrange: |u × v|² is xx yy − xy² without its cancellation.
  float determinant = dot(normal, normal) + LOW_PASS * (xx + yy) + LOW_PASS * LOW_PASS;
  xx += LOW_PASS;
  yy += LOW_PASS;
  vec2 at = (orthographic ? focal * p.xy : focal * (p.xy / p.z)) + center;

  vec2 extent = sqrt(2.0 / LOG2_E * (logOpacity - LOG2_ALPHA_MIN) * vec2(xx, yy));
  // Also false for NaN.
  bool inside = all(greaterThan(at + extent, vec2(0))) && all(lessThan(at - extent, size));
  if (!inside || !(dot(s.rgb, vec3(1)) + determinant < 1e30)) return;

  vec3 conic = LOG2_E * vec3(-0.5 * yy, xy, -0.5 * xx) / determinant;
  first = floatBitsToUint(vec4(at, conic.xy));
  second = uvec4(floatBitsToUint(vec2(conic.z, logOpacity)), packHalf2x16(s.rgb.xy), packHalf2x16(vec2(s.rgb.z, 0.0)));
#ifdef CLIPPED
  // Depth given the pixel: mean p.z + k · offset, and its standard deviation.
  vec3 w = axes[2] * s.spread;
  vec2 both = vec2(dot(u, w), dot(v, w));
  vec2 k = vec2(yy * both.x - xy * both.y, xx * both.y - xy * both.x) / determinant;
  float variance = max(dot(w, w) - dot(k, both), 1e-6 * dot(w, w) + 1e-9);
  depths = floatBitsToUint(vec4(p.z, k, inversesqrt(variance)));
#endif
}
