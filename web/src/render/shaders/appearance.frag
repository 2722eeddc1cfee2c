// How the chosen transfer functions, the light and the organ's opacity change each Gaussian: a change of colour, and its opacity.
// Where errors are shown, the colour is that of the error.
uniform highp sampler2D organs;
uniform highp sampler2D shown;
uniform highp sampler2D original;
uniform highp sampler2D light;
uniform highp usampler2D errors;
uniform highp sampler2D errorColors;
uniform bool recoloured;
uniform bool relit;
uniform bool fidelity;
uniform float multipleScattering;
layout(location = 0) out uvec2 looks;

const float MAX_ALBEDO = 0.9;
// Extinction, 1/mm, below which a ratio of extinctions says nothing.
const float FAINT = 1e-3;

vec3 linear(vec3 srgb) {
  return mix(srgb / 12.92, pow((srgb + 0.055) / 1.055, vec3(2.4)), greaterThan(srgb, vec3(0.04045)));
}

vec3 encoded(vec3 radiance) {
  vec3 held = clamp(radiance, 0.0, 1.0);
  return mix(held * 12.92, 1.055 * pow(held, vec3(1.0 / 2.4)) - 0.055, greaterThan(held, vec3(0.0031308)));
}

// Python's gaussians.shading.shade.
vec3 shade(vec3 rgb, vec3 arriving) {
  vec3 albedo = min(linear(rgb), MAX_ALBEDO);
  return encoded(albedo * arriving / (1.0 - multipleScattering * albedo));
}

// Extinction and colour of a group at 0..1 of the range of values.
vec4 lookUp(sampler2D table, float value, int group) {
  int last = textureSize(table, 0).x - 1;
  float at = value * float(last);
  int low = min(int(at), last - 1);
  return mix(texelFetch(table, ivec2(low, group), 0), texelFetch(table, ivec2(low + 1, group), 0), at - float(low));
}

void main() {
  int i = int(gl_FragCoord.y) * 1024 + int(gl_FragCoord.x);
  uvec4 a = recordPart(i, 0);
  vec2 organ = texelFetch(organs, ivec2((a.z >> 16) & 255u, 0), 0).xy;
  float opacity = unpackUnorm2x16(a.y).y;
  vec3 change = vec3(0);
  if (recoloured || relit) {
    float value = unpackUnorm2x16(a.z).x;
    // Extinction, red, green, blue.
    vec4 before = lookUp(original, value, int(organ.y));
    vec4 after = recoloured ? lookUp(shown, value, int(organ.y)) : before;
    vec3 arriving = sharedExponent(recordPart(i, 1).w);
    vec3 now = relit ? texelFetch(light, ivec2(gl_FragCoord.xy), 0).rgb : arriving;
    change = shade(after.yzw, now) - shade(before.yzw, arriving);
    float ratio = (after.x + max(0.0, FAINT - before.x)) / max(before.x, FAINT);
    if (ratio != 1.0) opacity = ratio > 0.0 ? 1.0 - pow(1.0 - opacity, ratio) : 0.0;
  }
  if (fidelity) change = texelFetch(errorColors, ivec2(texelFetch(errors, ivec2(gl_FragCoord.xy), 0).x, 0), 0).rgb;
  uint blue = packSnorm2x16(vec2(change.z, 0.0));
  looks = uvec2(packSnorm2x16(change.xy), blue | packUnorm2x16(vec2(0.0, opacity * organ.x)));
}
