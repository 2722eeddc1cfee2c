// The scan's grey values on the faces that clip planes cut, where the voxel belongs to an organ that is shown.
uniform highp usampler2D spans;
uniform bool leaving;
uniform float near;
uniform highp sampler3D values;
uniform highp usampler3D labels;
uniform highp sampler2D organs;
uniform mat4 worldToIndex;
// Stored value that is black, and grey per stored value.
uniform vec2 grey;
out vec4 colour;

float opacityAt(ivec3 voxel) {
  uint label = texelFetch(labels, clamp(voxel, ivec3(0), textureSize(labels, 0) - 1), 0).x;
  return label == 0u ? 0.0 : texelFetch(organs, ivec2(label, 0), 0).x;
}

// Organs' opacity between voxels, with an edge that is about as wide as a pixel of the scan.
float coverage(vec3 index) {
  ivec3 low = ivec3(floor(index));
  vec3 part = index - vec3(low);
  float shown = 0.0;
  float opacity = 0.0;
  for (int k = 0; k < 8; k++) {
    ivec3 corner = ivec3(k & 1, (k >> 1) & 1, k >> 2);
    vec3 weights = mix(1.0 - part, part, vec3(corner));
    float weight = weights.x * weights.y * weights.z;
    float here = opacityAt(low + corner);
    opacity += weight * here;
    shown += here > 0.0 ? weight : 0.0;
  }
  return shown > 0.0 ? opacity / shown * smoothstep(0.35, 0.65, shown) : 0.0;
}

void main() {
  vec2 span = uintBitsToFloat(texelFetch(spans, ivec2(gl_FragCoord.xy), 0).xy);
  float depth = leaving ? span.y : span.x;
  colour = vec4(0);
  if (span.x >= span.y || abs(depth) >= 1e9 || depth < near) return;
  vec3 point = eye + transpose(rotation) * (rayOrigin() + depth * rayStep());
  vec3 index = (worldToIndex * vec4(point, 1.0)).xyz;
  vec3 shape = vec3(textureSize(values, 0));
  if (any(lessThan(index, vec3(-0.5))) || any(greaterThan(index, shape - 0.5))) return;
  float alpha = coverage(index);
  float stored = texture(values, (index + 0.5) / shape).x;
  colour = vec4(vec3(clamp((stored - grey.x) * grey.y, 0.0, 1.0)), 1.0) * alpha;
}
