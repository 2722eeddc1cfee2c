// A Gaussian's record (docs/viewer-format.md): 4 texels of 4 words, 1024 Gaussians a row.
uniform highp usampler2D records;
uniform vec3 boundsLow;
uniform vec3 boundsSize;

ivec2 placeOf(int i) {
  return ivec2(i & 1023, i >> 10);
}

uvec4 recordPart(int i, int part) {
  ivec2 place = placeOf(i);
  return texelFetch(records, ivec2(4 * place.x + part, place.y), 0);
}

// Four signed bytes of a word, lowest first.
vec4 signedBytes(uint word) {
  return vec4(ivec4(uvec4(word) << uvec4(24, 16, 8, 0)) >> 24);
}

float stepOf(uint exponent) {
  return exponent == 0u ? 0.0 : exp2((float(exponent) - 128.0) / 8.0) / 127.0;
}

vec3 octahedral(uint word) {
  vec2 flat2 = unpackSnorm2x16(word);
  vec3 v = vec3(flat2, 1.0 - abs(flat2.x) - abs(flat2.y));
  if (v.z < 0.0) v.xy = (1.0 - abs(v.yx)) * vec2(v.x < 0.0 ? -1.0 : 1.0, v.y < 0.0 ? -1.0 : 1.0);
  return normalize(v);
}

vec3 sharedExponent(uint word) {
  return vec3(uvec3(word, word >> 9, word >> 18) & 511u) * exp2(float(word >> 27) - 24.0);
}
