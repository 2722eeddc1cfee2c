// A 6D Gaussian given a view direction (Gao et al., 6D Gaussian Splatting, eq. 5 to 8), and its colour.
uniform highp usampler2D appearance;
uniform vec3 eye;
uniform vec3 forward;
uniform bool orthographic;
uniform bool directional;
uniform float directionWeight;
// Colours are those of the appearance alone.
uniform bool fidelity;

struct Sliced {
  vec3 mean;
  // Columns of L: the covariance is L Lᵀ.
  mat3 spread;
  float opacity;
  vec3 rgb;
};

vec3 directionTo(vec3 point, vec3 otherwise) {
  if (orthographic) return forward;
  vec3 offset = point - eye;
  float distance2 = dot(offset, offset);
  return distance2 > 0.0 ? offset * inversesqrt(distance2) : otherwise;
}

Sliced slice(int i) {
  uvec4 a = recordPart(i, 0);
  uvec4 b = recordPart(i, 1);
  uvec4 c = recordPart(i, 2);
  uvec4 d = recordPart(i, 3);
  uvec2 looks = texelFetch(appearance, placeOf(i), 0).xy;
  Sliced s;

  vec2 l0 = unpackHalf2x16(a.w), l1 = unpackHalf2x16(b.x), l2 = unpackHalf2x16(b.y);
  s.spread = mat3(l0.x, l0.y, l1.x, 0.0, l1.y, l2.x, 0.0, 0.0, l2.y);

  s.mean = boundsLow + boundsSize * vec3(unpackUnorm2x16(a.x), unpackUnorm2x16(a.y).x);
  vec2 opacityAndBlue = vec2(unpackUnorm2x16(looks.y).y, unpackSnorm2x16(looks.y).x);
  s.opacity = opacityAndBlue.x;
  vec4 k0 = signedBytes(c.z), k1 = signedBytes(c.w), g1 = signedBytes(d.x), g2 = signedBytes(d.y);
  vec4 h1 = signedBytes(d.z), h2 = signedBytes(d.w);
  if (directional) {
    vec3 meanDir = octahedral(b.z);
    vec3 x = directionTo(s.mean, meanDir) - meanDir;
    vec3 shift = vec3(dot(vec3(k1.zw, g1.x), x), dot(g1.yzw, x), dot(g2.xyz, x));
    s.mean += stepOf(a.z >> 24) * shift;
    // Kᵀ x.
    vec3 away = vec3(dot(k0.xyz, x), dot(vec2(k0.w, k1.x), x.yz), k1.y * x.z) * stepOf((c.y >> 16) & 255u);
    s.opacity *= exp(-directionWeight * dot(away, away));
  }
  vec3 v = directionTo(s.mean, forward);
  vec3 sh0 = vec3(unpackHalf2x16(c.x), unpackHalf2x16(c.y).x);
  vec3 shY = vec3(g2.w, h1.xy), shZ = vec3(h1.zw, h2.x), shX = h2.yzw;
  vec3 degree1 = (v.z * shZ - v.y * shY - v.x * shX) * stepOf(c.y >> 24);
  vec3 change = vec3(unpackSnorm2x16(looks.x), opacityAndBlue.y);
  vec3 own = max(0.5 + 0.28209479177387814 * sh0 + 0.4886025119029199 * degree1, 0.0);
  s.rgb = fidelity ? change : max(own + change, 0.0);
  return s;
}
