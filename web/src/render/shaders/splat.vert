// The corners of a Gaussian's triangle, the smallest around the ellipse on which it falls to 1/255.
// It has more area than a quad, but one primitive less, which costs drivers in software as much as dozens of pixels.
uniform highp usampler2D first;
uniform highp usampler2D second;
uniform int start;
uniform int end;
uniform vec2 size;
flat out vec4 ellipse;
flat out vec2 level;
flat out vec3 rgb;
#ifdef CLIPPED
uniform highp usampler2D depths;
flat out vec4 depth;
#endif

const float LOG2_ALPHA_MIN = -7.994353436858858;
// Of the equilateral triangle around the unit circle.
const vec2 CORNERS[3] = vec2[](vec2(0, 2), vec2(-1.7320508075688772, -1), vec2(1.7320508075688772, -1));

void main() {
  gl_Position = vec4(0, 0, 2, 1);
  int rank = start + gl_InstanceID * BATCH + gl_VertexID / 3;
  if (rank >= end) return;
  ivec2 place = ivec2(rank & 1023, rank >> 10);
  uvec4 b = texelFetch(second, place, 0);
  level = uintBitsToFloat(b.xy);
  float radius2 = level.y - LOG2_ALPHA_MIN;
  if (radius2 <= 0.0) return;
  ellipse = uintBitsToFloat(texelFetch(first, place, 0));
  rgb = vec3(unpackHalf2x16(b.z), unpackHalf2x16(b.w).x);
#ifdef CLIPPED
  depth = uintBitsToFloat(texelFetch(depths, place, 0));
#endif
  // The exponent is −|Lᵀ d|² for lower triangular L; its inverse maps a triangle around the circle around the ellipse.
  vec2 column = vec2(sqrt(-ellipse.z), 0.0);
  column.y = -0.5 * ellipse.w / column.x;
  float last = sqrt(max(-level.x - column.y * column.y, 1e-12));
  vec2 corner = sqrt(radius2) * CORNERS[gl_VertexID % 3];
  float dy = corner.y / last;
  vec2 offset = vec2((corner.x - column.y * dy) / column.x, dy);
  gl_Position = vec4((ellipse.xy + offset) * 2.0 / size - 1.0, 0.0, 1.0);
}
