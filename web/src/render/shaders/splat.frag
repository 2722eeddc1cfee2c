flat in vec4 ellipse;
flat in vec2 level;
flat in vec3 rgb;
#ifdef CLIPPED
uniform highp usampler2D spans;
flat in vec4 depth;
#endif
out vec4 colour;

const float ALPHA_MIN = 1.0 / 255.0;
const float ALPHA_MAX = 0.99;

#ifdef CLIPPED
// Standard normal distribution, to 1.4e-4 (Page, Applied Statistics 26:75, 1977).
vec2 normalDistribution(vec2 x) {
  vec2 held = clamp(x, -8.0, 8.0);
  return 1.0 / (1.0 + exp(-held * (1.5976 + 0.07056 * held * held)));
}
#endif

void main() {
  vec2 d = gl_FragCoord.xy - ellipse.xy;
  float alpha = exp2(level.y + d.x * (ellipse.z * d.x + ellipse.w * d.y) + level.x * d.y * d.y);
#ifdef CLIPPED
  // Which share of the Gaussian lies on the kept part of this pixel's ray.
  vec2 span = uintBitsToFloat(texelFetch(spans, ivec2(gl_FragCoord.xy), 0).xy);
  vec2 share = normalDistribution((span - depth.x - dot(depth.yz, d)) * depth.w);
  alpha *= max(share.y - share.x, 0.0);
#endif
  if (alpha <= ALPHA_MIN) discard;
  alpha = min(alpha, ALPHA_MAX);
  colour = vec4(rgb * alpha, alpha);
}
